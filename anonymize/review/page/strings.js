// Everything that the page says, in every language that it speaks.

/** @type {Record<string, Record<string, string>>} */
export const LANGUAGES = {
  en: {
    join: "Join", "join-with": "Choose the track that is the same person",
    "back 10": "Back 10 frames", "on 10": "On 10 frames", "first": "First frame", "last": "Last frame", "track begin": "Where it begins", "track end": "Where it ends", "draw-plate": "Draw a plate", "escape": "Choose nothing", "smaller": "Smaller", "whole": "Whole picture", "help": "Keys",
    language: "Language", publish: "Publish", found: "Found", picture: "Picture", slider: "Seen and published", timeline: "Time line", keys: "Keys",
    outlines: "Seen", published: "Published", both: "Both", undo: "Undo", redo: "Redo", play: "Play", pause: "Pause", previous: "Previous frame", next: "Next frame",
    "next-open": "Next doubt", face: "face", plate: "plate", area: "area", open: "not sure", "is-hidden": "hidden", "is-visible": "left visible", "is-partly": "partly visible",
    "is-nothing": "nothing there", "is-open": "not covered", "n-open": "% not sure", hide: "Hide", leave: "Leave visible", nothing: "Nothing there", draw: "Draw a face", "draw-area": "Draw a box",
    "end-here": "Ends here", "begin-here": "Begins here", split: "Split here", zoom: "Enlarge", reason: "Why may this person stay visible?", "reason-hint": "such as: release form 12", ok: "OK", cancel: "Cancel",
    question: "Somebody here?", skip: "Skip", released: "Published and checked: %", refused: "Not published. The check found: %", failed: "Not published: %", working: "%", "where-to": "Publish as", replace: "Replace the file if there is one",
    detect: "finding", read: "reading", render: "drawing", verify: "checking", repair: "repairing", done: "Close",
  },
  de: {
    join: "Verbinden", "join-with": "Die Spur wählen, die dieselbe Person zeigt",
    "back 10": "10 Bilder zurück", "on 10": "10 Bilder weiter", "first": "Erstes Bild", "last": "Letztes Bild", "track begin": "Wo es beginnt", "track end": "Wo es endet", "draw-plate": "Kennzeichen zeichnen", "escape": "Nichts auswählen", "smaller": "Verkleinern", "whole": "Ganzes Bild", "help": "Tasten",
    language: "Sprache", publish: "Veröffentlichen", found: "Gefunden", picture: "Bild", slider: "Gesehen und veröffentlicht", timeline: "Zeitleiste", keys: "Tasten",
    outlines: "Gesehen", published: "Veröffentlicht", both: "Beides", undo: "Rückgängig", redo: "Wiederholen", play: "Abspielen", pause: "Anhalten", previous: "Voriges Bild", next: "Nächstes Bild",
    "next-open": "Nächster Zweifel", face: "Gesicht", plate: "Kennzeichen", area: "Fläche", open: "unsicher", "is-hidden": "verdeckt", "is-visible": "bleibt sichtbar", "is-partly": "teils sichtbar",
    "is-nothing": "nichts da", "is-open": "nicht verdeckt", "n-open": "% unsicher", hide: "Verdecken", leave: "Sichtbar lassen", nothing: "Nichts da", draw: "Gesicht zeichnen", "draw-area": "Kasten zeichnen",
    "end-here": "Endet hier", "begin-here": "Beginnt hier", split: "Hier teilen", zoom: "Vergrößern", reason: "Warum darf diese Person sichtbar bleiben?", "reason-hint": "etwa: Einwilligung 12", ok: "OK", cancel: "Abbrechen",
    question: "Ist hier jemand?", skip: "Überspringen", released: "Veröffentlicht und geprüft: %", refused: "Nicht veröffentlicht. Die Prüfung fand: %", failed: "Nicht veröffentlicht: %", working: "%", "where-to": "Veröffentlichen als", replace: "Eine vorhandene Datei ersetzen",
    detect: "suchen", read: "lesen", render: "zeichnen", verify: "prüfen", repair: "nachbessern", done: "Schließen",
  },
  fr: {
    join: "Joindre", "join-with": "Choisir la piste de la même personne",
    "back 10": "10 images en arrière", "on 10": "10 images en avant", "first": "Première image", "last": "Dernière image", "track begin": "Là où il commence", "track end": "Là où il finit", "draw-plate": "Dessiner une plaque", "escape": "Ne rien choisir", "smaller": "Réduire", "whole": "Image entière", "help": "Touches",
    language: "Langue", publish: "Publier", found: "Trouvé", picture: "Image", slider: "Vu et publié", timeline: "Chronologie", keys: "Touches",
    outlines: "Vu", published: "Publié", both: "Les deux", undo: "Annuler", redo: "Rétablir", play: "Lire", pause: "Pause", previous: "Image précédente", next: "Image suivante",
    "next-open": "Doute suivant", face: "visage", plate: "plaque", area: "zone", open: "incertain", "is-hidden": "masqué", "is-visible": "reste visible", "is-partly": "visible en partie",
    "is-nothing": "rien ici", "is-open": "non masqué", "n-open": "% incertains", hide: "Masquer", leave: "Laisser visible", nothing: "Rien ici", draw: "Dessiner un visage", "draw-area": "Dessiner un cadre",
    "end-here": "Finit ici", "begin-here": "Commence ici", split: "Couper ici", zoom: "Agrandir", reason: "Pourquoi cette personne peut-elle rester visible ?", "reason-hint": "par exemple : accord nº 12", ok: "OK", cancel: "Annuler",
    question: "Y a-t-il quelqu’un ici ?", skip: "Passer", released: "Publié et vérifié : %", refused: "Non publié. La vérification a trouvé : %", failed: "Non publié : %", working: "%", "where-to": "Publier sous", replace: "Remplacer le fichier s’il existe",
    detect: "recherche", read: "lecture", render: "dessin", verify: "vérification", repair: "correction", done: "Fermer",
  },
  es: {
    join: "Unir", "join-with": "Elegir la pista de la misma persona",
    "back 10": "10 fotogramas atrás", "on 10": "10 fotogramas adelante", "first": "Primer fotograma", "last": "Último fotograma", "track begin": "Donde empieza", "track end": "Donde acaba", "draw-plate": "Dibujar una matrícula", "escape": "No elegir nada", "smaller": "Reducir", "whole": "Imagen entera", "help": "Teclas",
    language: "Idioma", publish: "Publicar", found: "Encontrado", picture: "Imagen", slider: "Visto y publicado", timeline: "Línea de tiempo", keys: "Teclas",
    outlines: "Visto", published: "Publicado", both: "Ambos", undo: "Deshacer", redo: "Rehacer", play: "Reproducir", pause: "Pausa", previous: "Fotograma anterior", next: "Fotograma siguiente",
    "next-open": "Duda siguiente", face: "cara", plate: "matrícula", area: "zona", open: "dudoso", "is-hidden": "oculto", "is-visible": "queda visible", "is-partly": "visible en parte",
    "is-nothing": "no hay nada", "is-open": "sin ocultar", "n-open": "% dudosos", hide: "Ocultar", leave: "Dejar visible", nothing: "No hay nada", draw: "Dibujar una cara", "draw-area": "Dibujar un cuadro",
    "end-here": "Acaba aquí", "begin-here": "Empieza aquí", split: "Dividir aquí", zoom: "Ampliar", reason: "¿Por qué puede quedar visible esta persona?", "reason-hint": "por ejemplo: autorización 12", ok: "Aceptar", cancel: "Cancelar",
    question: "¿Hay alguien aquí?", skip: "Saltar", released: "Publicado y comprobado: %", refused: "No publicado. La comprobación encontró: %", failed: "No publicado: %", working: "%", "where-to": "Publicar como", replace: "Sustituir el archivo si existe",
    detect: "buscando", read: "leyendo", render: "dibujando", verify: "comprobando", repair: "corrigiendo", done: "Cerrar",
  },
  sr: {
    join: "Spoji", "join-with": "Izaberi trag iste osobe",
    "back 10": "10 kadrova nazad", "on 10": "10 kadrova napred", "first": "Prvi kadar", "last": "Poslednji kadar", "track begin": "Gde počinje", "track end": "Gde se završava", "draw-plate": "Nacrtaj tablicu", "escape": "Ne biraj ništa", "smaller": "Umanji", "whole": "Cela slika", "help": "Tasteri",
    language: "Jezik", publish: "Objavi", found: "Nađeno", picture: "Slika", slider: "Viđeno i objavljeno", timeline: "Vremenska linija", keys: "Tasteri",
    outlines: "Viđeno", published: "Objavljeno", both: "Oboje", undo: "Poništi", redo: "Ponovi", play: "Pusti", pause: "Pauza", previous: "Prethodni kadar", next: "Sledeći kadar",
    "next-open": "Sledeća nedoumica", face: "lice", plate: "tablica", area: "oblast", open: "nesigurno", "is-hidden": "sakriveno", "is-visible": "ostaje vidljivo", "is-partly": "delom vidljivo",
    "is-nothing": "nema ničega", "is-open": "nije sakriveno", "n-open": "% nesigurno", hide: "Sakrij", leave: "Ostavi vidljivo", nothing: "Nema ničega", draw: "Nacrtaj lice", "draw-area": "Nacrtaj okvir",
    "end-here": "Ovde se završava", "begin-here": "Ovde počinje", split: "Podeli ovde", zoom: "Uvećaj", reason: "Zašto ova osoba sme da ostane vidljiva?", "reason-hint": "na primer: saglasnost 12", ok: "U redu", cancel: "Odustani",
    question: "Ima li nekoga ovde?", skip: "Preskoči", released: "Objavljeno i provereno: %", refused: "Nije objavljeno. Provera je našla: %", failed: "Nije objavljeno: %", working: "%", "where-to": "Objavi kao", replace: "Zameni datoteku ako postoji",
    detect: "traženje", read: "čitanje", render: "crtanje", verify: "provera", repair: "ispravljanje", done: "Zatvori",
  },
};

let current = "en";

/** @param {string} word */
export const say = (word) => LANGUAGES[current][word] ?? LANGUAGES.en[word] ?? word;

/** @param {string} [asked] */
export function speak(asked) {
  const known = [asked, ...navigator.languages].map((one) => one?.slice(0, 2).toLowerCase()).find((one) => one && one in LANGUAGES);
  current = known ?? "en";
  document.documentElement.lang = current;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(/** @type {HTMLElement} */ (one).dataset.say ?? "");
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(/** @type {HTMLElement} */ (one).dataset.label ?? ""));
  for (const one of document.querySelectorAll("[data-title]")) {
    one.setAttribute("title", say(/** @type {HTMLElement} */ (one).dataset.title ?? ""));
    one.setAttribute("aria-label", say(/** @type {HTMLElement} */ (one).dataset.title ?? ""));
  }
  return current;
}
