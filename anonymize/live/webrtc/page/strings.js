// Everything that the page for viewers says, in every language that it speaks.

/** @type {Record<string, Record<string, string>>} */
export const LANGUAGES = {
  en: {
    title: "Live picture", language: "Language", token: "Your token", watch: "Watch", leave: "Stop watching", full: "Full screen", picture: "The anonymised picture as it is sent",
    logged: "It is written down who watches, from when until when.", only: "Anonymised pictures alone are shown here.",
    connecting: "Connecting …", watching: "Live", again: "Interrupted. Trying again …", wrong: "This token is not known.", full_house: "Too many watch at the moment. Trying again …",
    unsupported: "This browser cannot show it: it has no WebRTC with H.264.", left: "Not watching", stale: "No picture for {} s",
  },
  de: {
    title: "Livebild", language: "Sprache", token: "Ihr Zugangscode", watch: "Ansehen", leave: "Nicht mehr ansehen", full: "Vollbild", picture: "Das anonymisierte Bild, wie es gesendet wird",
    logged: "Es wird festgehalten, wer von wann bis wann zusieht.", only: "Hier sind nur anonymisierte Bilder zu sehen.",
    connecting: "Verbindung wird aufgebaut …", watching: "Live", again: "Unterbrochen. Neuer Versuch …", wrong: "Dieser Zugangscode ist nicht bekannt.", full_house: "Zurzeit sehen zu viele zu. Neuer Versuch …",
    unsupported: "Dieser Browser kann es nicht zeigen: Ihm fehlt WebRTC mit H.264.", left: "Sie sehen nicht zu", stale: "Seit {} s kein Bild",
  },
  fr: {
    title: "Image en direct", language: "Langue", token: "Votre code d’accès", watch: "Regarder", leave: "Ne plus regarder", full: "Plein écran", picture: "L’image anonymisée telle qu’elle est envoyée",
    logged: "Il est noté qui regarde, et de quand à quand.", only: "Seules des images anonymisées sont montrées ici.",
    connecting: "Connexion …", watching: "En direct", again: "Interrompu. Nouvel essai …", wrong: "Ce code d’accès n’est pas connu.", full_house: "Trop de personnes regardent en ce moment. Nouvel essai …",
    unsupported: "Ce navigateur ne peut pas la montrer : il lui manque WebRTC avec H.264.", left: "Vous ne regardez pas", stale: "Pas d’image depuis {} s",
  },
  es: {
    title: "Imagen en directo", language: "Idioma", token: "Su código de acceso", watch: "Ver", leave: "Dejar de ver", full: "Pantalla completa", picture: "La imagen anonimizada tal como se envía",
    logged: "Queda anotado quién mira, y desde cuándo hasta cuándo.", only: "Aquí solo se muestran imágenes anonimizadas.",
    connecting: "Conectando …", watching: "En directo", again: "Interrumpido. Nuevo intento …", wrong: "Este código de acceso no se conoce.", full_house: "Ahora miran demasiadas personas. Nuevo intento …",
    unsupported: "Este navegador no puede mostrarla: le falta WebRTC con H.264.", left: "No está mirando", stale: "Sin imagen desde hace {} s",
  },
  sr: {
    title: "Slika uživo", language: "Jezik", token: "Vaša pristupna šifra", watch: "Gledaj", leave: "Prekini gledanje", full: "Ceo ekran", picture: "Anonimizovana slika kakva se šalje",
    logged: "Beleži se ko gleda i od kada do kada.", only: "Ovde se prikazuju samo anonimizovane slike.",
    connecting: "Povezivanje …", watching: "Uživo", again: "Prekinuto. Novi pokušaj …", wrong: "Ova pristupna šifra nije poznata.", full_house: "Trenutno gleda previše ljudi. Novi pokušaj …",
    unsupported: "Ovaj pregledač ne može da je prikaže: nema WebRTC sa H.264.", left: "Ne gledate", stale: "Bez slike već {} s",
  },
};

let current = "en";

/** @param {string} word */
export const say = (word) => LANGUAGES[current][word] ?? LANGUAGES.en[word] ?? word;

/** What a language calls itself. @param {string} name */
export const called = (name) => new Intl.DisplayNames([name === "sr" ? "sr-Latn" : name], { type: "language" }).of(name) ?? name;

/** @param {string} [asked] */
export function speak(asked) {
  const known = [asked, ...navigator.languages].map((one) => one?.slice(0, 2).toLowerCase()).find((one) => one && one in LANGUAGES);
  current = known ?? "en";
  document.documentElement.lang = current;
  document.title = say("title");
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(/** @type {HTMLElement} */ (one).dataset.say ?? "");
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(/** @type {HTMLElement} */ (one).dataset.label ?? ""));
  return current;
}
