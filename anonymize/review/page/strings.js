// Everything that the page says, in every language that it speaks.

/** @type {Record<string, Record<string, string>>} */
export const LANGUAGES = {
  en: {
    "draw-polygon": "Draw a polygon", "next-kind": "Change what it is", kind: "What it is", shape: "Outline", box: "box", ellipse: "ellipse", polygon: "polygon", "key-frame": "Set the box on this frame",
    "next-view": "Next view", "full-screen": "Full screen", pixels: "Single pixels", "pan-left": "Look left", "pan-right": "Look right", "pan-up": "Look up", "pan-down": "Look down",
    "pen-box": "Drag a box, or set two corners: arrow keys, Enter", "pen-polygon": "Set the corners: click, or arrow keys and Enter. The first one again closes it",
    marked: "Marked", frames: "frames", "mark-from": "Mark from here", "mark-to": "Mark up to here", mute: "Mute", bleep: "Bleep", "hear-again": "Hear again", "hide-all": "Hide the whole picture", unmark: "Unmark",
    sound: "Sound", "no-sound": "No sound", "sound-left-out": "not published", "no-sound-here": "The sound cannot be played here", audible: "Turn the sound off", silent: "Turn the sound on",
    "previous-cut": "Previous cut", "next-cut": "Next cut", "time-closer": "Enlarge the time line", "time-farther": "Reduce the time line",
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
    "draw-polygon": "Vieleck zeichnen", "next-kind": "Art ändern", kind: "Art", shape: "Umriss", box: "Kasten", ellipse: "Ellipse", polygon: "Vieleck", "key-frame": "Kasten auf diesem Bild setzen",
    "next-view": "Nächste Ansicht", "full-screen": "Vollbild", pixels: "Einzelne Pixel", "pan-left": "Nach links sehen", "pan-right": "Nach rechts sehen", "pan-up": "Nach oben sehen", "pan-down": "Nach unten sehen",
    "pen-box": "Kasten aufziehen, oder zwei Ecken setzen: Pfeiltasten, Enter", "pen-polygon": "Ecken setzen: klicken, oder Pfeiltasten und Enter. Noch einmal die erste schließt",
    marked: "Markiert", frames: "Bilder", "mark-from": "Ab hier markieren", "mark-to": "Bis hier markieren", mute: "Stumm", bleep: "Piepton", "hear-again": "Wieder hörbar", "hide-all": "Ganzes Bild verdecken", unmark: "Markierung aufheben",
    sound: "Ton", "no-sound": "Kein Ton", "sound-left-out": "wird nicht veröffentlicht", "no-sound-here": "Der Ton kann hier nicht abgespielt werden", audible: "Ton aus", silent: "Ton an",
    "previous-cut": "Voriger Schnitt", "next-cut": "Nächster Schnitt", "time-closer": "Zeitleiste vergrößern", "time-farther": "Zeitleiste verkleinern",
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
    "draw-polygon": "Dessiner un polygone", "next-kind": "Changer le type", kind: "Type", shape: "Contour", box: "cadre", ellipse: "ellipse", polygon: "polygone", "key-frame": "Fixer le cadre sur cette image",
    "next-view": "Vue suivante", "full-screen": "Plein écran", pixels: "Pixels", "pan-left": "Voir à gauche", "pan-right": "Voir à droite", "pan-up": "Voir en haut", "pan-down": "Voir en bas",
    "pen-box": "Tirer un cadre, ou poser deux coins : flèches, Entrée", "pen-polygon": "Poser les coins : clic, ou flèches et Entrée. Le premier encore une fois le ferme",
    marked: "Marqué", frames: "images", "mark-from": "Marquer à partir d’ici", "mark-to": "Marquer jusqu’ici", mute: "Silence", bleep: "Bip", "hear-again": "Rétablir le son", "hide-all": "Masquer toute l’image", unmark: "Enlever la marque",
    sound: "Son", "no-sound": "Pas de son", "sound-left-out": "non publié", "no-sound-here": "Le son ne peut pas être lu ici", audible: "Couper le son", silent: "Remettre le son",
    "previous-cut": "Coupe précédente", "next-cut": "Coupe suivante", "time-closer": "Agrandir la chronologie", "time-farther": "Réduire la chronologie",
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
    "draw-polygon": "Dibujar un polígono", "next-kind": "Cambiar el tipo", kind: "Tipo", shape: "Contorno", box: "cuadro", ellipse: "elipse", polygon: "polígono", "key-frame": "Fijar el cuadro en este fotograma",
    "next-view": "Vista siguiente", "full-screen": "Pantalla completa", pixels: "Píxeles", "pan-left": "Ver a la izquierda", "pan-right": "Ver a la derecha", "pan-up": "Ver arriba", "pan-down": "Ver abajo",
    "pen-box": "Arrastrar un cuadro, o fijar dos esquinas: flechas, Intro", "pen-polygon": "Fijar las esquinas: clic, o flechas e Intro. La primera otra vez lo cierra",
    marked: "Marcado", frames: "fotogramas", "mark-from": "Marcar desde aquí", "mark-to": "Marcar hasta aquí", mute: "Silenciar", bleep: "Pitido", "hear-again": "Volver a oír", "hide-all": "Ocultar toda la imagen", unmark: "Quitar la marca",
    sound: "Sonido", "no-sound": "Sin sonido", "sound-left-out": "no se publica", "no-sound-here": "El sonido no se puede reproducir aquí", audible: "Quitar el sonido", silent: "Poner el sonido",
    "previous-cut": "Corte anterior", "next-cut": "Corte siguiente", "time-closer": "Ampliar la línea de tiempo", "time-farther": "Reducir la línea de tiempo",
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
    "draw-polygon": "Nacrtaj mnogougao", "next-kind": "Promeni vrstu", kind: "Vrsta", shape: "Obris", box: "okvir", ellipse: "elipsa", polygon: "mnogougao", "key-frame": "Postavi okvir na ovom kadru",
    "next-view": "Sledeći prikaz", "full-screen": "Ceo ekran", pixels: "Pojedini pikseli", "pan-left": "Gledaj levo", "pan-right": "Gledaj desno", "pan-up": "Gledaj gore", "pan-down": "Gledaj dole",
    "pen-box": "Razvuci okvir, ili postavi dva ugla: strelice, Enter", "pen-polygon": "Postavi uglove: klik, ili strelice i Enter. Prvi još jednom ga zatvara",
    marked: "Obeleženo", frames: "kadrova", "mark-from": "Obeleži odavde", "mark-to": "Obeleži dovde", mute: "Utišaj", bleep: "Pisak", "hear-again": "Opet se čuje", "hide-all": "Sakrij celu sliku", unmark: "Ukloni oznaku",
    sound: "Zvuk", "no-sound": "Nema zvuka", "sound-left-out": "ne objavljuje se", "no-sound-here": "Zvuk se ovde ne može pustiti", audible: "Isključi zvuk", silent: "Uključi zvuk",
    "previous-cut": "Prethodni rez", "next-cut": "Sledeći rez", "time-closer": "Uvećaj vremensku liniju", "time-farther": "Umanji vremensku liniju",
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
