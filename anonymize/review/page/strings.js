// Everything that the page says, in every language that it speaks.

/** @type {Record<string, Record<string, string>>} */
export const LANGUAGES = {
  en: {
    version: "Version", "version-all": "All versions", "version-new": "New version …", "version-name": "What is this version called?", "version-hint": "such as: court, press",
    "draw-polygon": "Draw a polygon", "next-kind": "Change what it is", kind: "What it is", shape: "Outline", box: "box", ellipse: "ellipse", polygon: "polygon", "key-frame": "Set the box on this frame",
    "next-view": "Next view", "full-screen": "Full screen", pixels: "Single pixels", "pan-left": "Look left", "pan-right": "Look right", "pan-up": "Look up", "pan-down": "Look down",
    "pen-box": "Drag a box, or set two corners: arrow keys, Enter", "pen-polygon": "Set the corners: click, or arrow keys and Enter. The first one again closes it",
    marked: "Marked", frames: "frames", "mark-from": "Mark from here", "mark-to": "Mark up to here", mute: "Mute", bleep: "Bleep", "hear-again": "Hear again", "hide-all": "Hide the whole picture", unmark: "Unmark",
    sound: "Sound", "no-sound": "No sound", "sound-left-out": "not published", "no-sound-here": "The sound cannot be played here", audible: "Turn the sound off", silent: "Turn the sound on",
    "previous-cut": "Previous cut", "next-cut": "Next cut", "time-closer": "Enlarge the time line", "time-farther": "Reduce the time line",
    "read-only": "This review is open in another window: this one shows it, and changes nothing.", "edit-here": "Edit here", "gone": "The program does not answer any more. What was saved is safe: start it again.",
    "all-files": "All files", "files-all": "All", "files-waiting": "To review", "files-begun": "In review", "files-signed": "Signed", "file-waiting": "to review", "file-begun": "in review", "file-signed": "signed", "a-picture": "picture", "a-video": "video", "files-finding": "Finding who is to be hidden: {}%",
    "sample": "Look at a random sample", "sample-ask": "Can anybody be recognised?", "yes": "Yes", "no": "No", "sample-bound": "Somebody on {} of {} frames: with 95% confidence, at most {}% of all frames show somebody to you.", "sample-go": "Frame", "sign-name": "Your name or initials", "sign-note": "What was changed by hand, and why", "sign-seen": "{}% of the frames were on the screen", "sign-queue": "{} answered, {} open", "sign-waits": "Signed. Before it is published, {} more must sign, each in a start of their own.",
    "next-open": "Next question", "queue": "What to look at first", "queue-begin": "{} places to look at, those that matter most first", "queue-begin-one": "One place to look at", "queue-start": "Begin", "queue-left": "{} left", "queue-done": "Nothing left to ask. {} answered", "ask-face": "Somebody here?", "ask-plate": "A number plate here?", "ask-thing": "Something to hide here?", "topic-doubt": "The machine is not sure.", "topic-faint": "Seen faintly, and not covered.", "topic-sure": "Covered.", "topic-begins": "Just before it is covered.", "topic-ends": "Just after it was covered.", "topic-gap": "Between two covers.", "topic-held": "Covered for a while, though nothing was seen.",
    join: "Join", "join-with": "Choose the track that is the same person: click it, or arrow keys and Enter", "same-row": "Show in one row", "own-row": "In a row of its own", "row-with": "Choose a track of the same person: click it, or arrow keys and Enter. Nothing but the time line changes",
    "back 10": "Back 10 frames", "on 10": "On 10 frames", "first": "First frame", "last": "Last frame", "track begin": "Where it begins", "track end": "Where it ends", "draw-plate": "Draw a plate", "escape": "Choose nothing", "smaller": "Smaller", "whole": "Whole picture", "help": "Keys",
    language: "Language", publish: "Publish", found: "Found", picture: "Picture", slider: "Seen and published", timeline: "Time line", keys: "Keys",
    outlines: "Seen", published: "Published", both: "Both", undo: "Undo", redo: "Redo", play: "Play", pause: "Pause", previous: "Previous frame", next: "Next frame",
    face: "face", head: "head", person: "person", plate: "plate", text: "text", area: "area", open: "not sure", "is-hidden": "hidden", "is-visible": "left visible", "is-partly": "partly visible",
    "is-nothing": "nothing there", "is-open": "not covered", "n-open": "% not sure", hide: "Hide", leave: "Leave visible", nothing: "Nothing there", draw: "Draw a face", "draw-area": "Draw a box",
    "end-here": "Ends here", "begin-here": "Begins here", split: "Split here", zoom: "Enlarge", reason: "Why may this person stay visible?", "reason-hint": "such as: release form 12", ok: "OK", cancel: "Cancel",
    "head-visible": "The head around it stays visible, too.", "head-covers": "A head around it stays hidden: choose it where no other is near.", "face-covered": "The face in it stays hidden: to leave it visible, choose it.", "head-hidden": "The head around it is hidden again, too.",
    "ask-behind": "Hide this head?", "leave-behind": "Leave it",
    "topic-alone": "Another network did not see it: it is not covered.", "topic-behind": "A head seen from behind: it is not covered.", "topic-check": "The check of the output found it: it is not covered.", "check-answered": "All that the check found is answered.", "publish-again": "Publish again", "released-asks": "Published: %. Its check asks about more places: look at them now",
    "torn-remove": "Take the line out, and open",
    skip: "Skip", released: "Published and checked: %", refused: "Not published. The check found: %", failed: "Not published: %", working: "%", "where-to": "Publish as", replace: "Replace the file if there is one",
    detect: "finding", read: "reading", render: "drawing", verify: "checking", repair: "repairing", done: "Close",
  },
  de: {
    version: "Fassung", "version-all": "Alle Fassungen", "version-new": "Neue Fassung …", "version-name": "Wie heißt diese Fassung?", "version-hint": "etwa: Gericht, Presse",
    "draw-polygon": "Vieleck zeichnen", "next-kind": "Art ändern", kind: "Art", shape: "Umriss", box: "Kasten", ellipse: "Ellipse", polygon: "Vieleck", "key-frame": "Kasten auf diesem Bild setzen",
    "next-view": "Nächste Ansicht", "full-screen": "Vollbild", pixels: "Einzelne Pixel", "pan-left": "Nach links sehen", "pan-right": "Nach rechts sehen", "pan-up": "Nach oben sehen", "pan-down": "Nach unten sehen",
    "pen-box": "Kasten aufziehen, oder zwei Ecken setzen: Pfeiltasten, Enter", "pen-polygon": "Ecken setzen: klicken, oder Pfeiltasten und Enter. Noch einmal die erste schließt",
    marked: "Markiert", frames: "Bilder", "mark-from": "Ab hier markieren", "mark-to": "Bis hier markieren", mute: "Stumm", bleep: "Piepton", "hear-again": "Wieder hörbar", "hide-all": "Ganzes Bild verdecken", unmark: "Markierung aufheben",
    sound: "Ton", "no-sound": "Kein Ton", "sound-left-out": "wird nicht veröffentlicht", "no-sound-here": "Der Ton kann hier nicht abgespielt werden", audible: "Ton aus", silent: "Ton an",
    "previous-cut": "Voriger Schnitt", "next-cut": "Nächster Schnitt", "time-closer": "Zeitleiste vergrößern", "time-farther": "Zeitleiste verkleinern",
    "read-only": "Diese Prüfung ist in einem anderen Fenster offen: dieses zeigt sie und ändert nichts.", "edit-here": "Hier bearbeiten", "gone": "Das Programm antwortet nicht mehr. Gespeichertes ist sicher: neu starten.",
    "all-files": "Alle Dateien", "files-all": "Alle", "files-waiting": "Zu prüfen", "files-begun": "In Prüfung", "files-signed": "Unterschrieben", "file-waiting": "zu prüfen", "file-begun": "in Prüfung", "file-signed": "unterschrieben", "a-picture": "Bild", "a-video": "Video", "files-finding": "Es wird gesucht, wer zu verdecken ist: {} %",
    "sample": "Eine Stichprobe ansehen", "sample-ask": "Ist jemand zu erkennen?", "yes": "Ja", "no": "Nein", "sample-bound": "Jemand auf {} von {} Bildern: mit 95 % Sicherheit zeigen höchstens {} % aller Bilder Ihnen jemanden.", "sample-go": "Bild", "sign-name": "Name oder Kürzel", "sign-note": "Was von Hand geändert wurde, und warum", "sign-seen": "{} % der Bilder waren zu sehen", "sign-queue": "{} beantwortet, {} offen", "sign-waits": "Unterschrieben. Vor der Veröffentlichung müssen noch {} unterschreiben, jeder nach eigenem Start.",
    "next-open": "Nächste Frage", "queue": "Was zuerst anzusehen ist", "queue-begin": "{} Stellen zum Ansehen, die wichtigsten zuerst", "queue-begin-one": "Eine Stelle zum Ansehen", "queue-start": "Anfangen", "queue-left": "noch {}", "queue-done": "Keine Fragen mehr. {} beantwortet", "ask-face": "Ist hier jemand?", "ask-plate": "Ist hier ein Kennzeichen?", "ask-thing": "Ist hier etwas zu verdecken?", "topic-doubt": "Die Maschine ist unsicher.", "topic-faint": "Schwach gesehen und nicht verdeckt.", "topic-sure": "Verdeckt.", "topic-begins": "Kurz bevor es verdeckt wird.", "topic-ends": "Kurz nachdem es verdeckt war.", "topic-gap": "Zwischen zwei Verdeckungen.", "topic-held": "Eine Weile verdeckt, obwohl nichts zu sehen war.",
    join: "Verbinden", "join-with": "Die Spur wählen, die dieselbe Person zeigt: anklicken, oder Pfeiltasten und Enter", "same-row": "In eine Zeile", "own-row": "In eine eigene Zeile", "row-with": "Eine Spur derselben Person wählen: anklicken, oder Pfeiltasten und Enter. Nur die Zeitleiste ändert sich",
    "back 10": "10 Bilder zurück", "on 10": "10 Bilder weiter", "first": "Erstes Bild", "last": "Letztes Bild", "track begin": "Wo es beginnt", "track end": "Wo es endet", "draw-plate": "Kennzeichen zeichnen", "escape": "Nichts auswählen", "smaller": "Verkleinern", "whole": "Ganzes Bild", "help": "Tasten",
    language: "Sprache", publish: "Veröffentlichen", found: "Gefunden", picture: "Bild", slider: "Gesehen und veröffentlicht", timeline: "Zeitleiste", keys: "Tasten",
    outlines: "Gesehen", published: "Veröffentlicht", both: "Beides", undo: "Rückgängig", redo: "Wiederholen", play: "Abspielen", pause: "Anhalten", previous: "Voriges Bild", next: "Nächstes Bild",
    face: "Gesicht", head: "Kopf", person: "Person", plate: "Kennzeichen", text: "Text", area: "Fläche", open: "unsicher", "is-hidden": "verdeckt", "is-visible": "bleibt sichtbar", "is-partly": "teils sichtbar",
    "is-nothing": "nichts da", "is-open": "nicht verdeckt", "n-open": "% unsicher", hide: "Verdecken", leave: "Sichtbar lassen", nothing: "Nichts da", draw: "Gesicht zeichnen", "draw-area": "Kasten zeichnen",
    "end-here": "Endet hier", "begin-here": "Beginnt hier", split: "Hier teilen", zoom: "Vergrößern", reason: "Warum darf diese Person sichtbar bleiben?", "reason-hint": "etwa: Einwilligung 12", ok: "OK", cancel: "Abbrechen",
    "head-visible": "Der Kopf darum bleibt auch sichtbar.", "head-covers": "Ein Kopf darum bleibt verdeckt: ihn wählen, wo kein anderer nahe ist.", "face-covered": "Das Gesicht darin bleibt verdeckt: es wählen, um es sichtbar zu lassen.", "head-hidden": "Der Kopf darum ist auch wieder verdeckt.",
    "ask-behind": "Diesen Kopf verdecken?", "leave-behind": "So lassen",
    "topic-alone": "Ein anderes Netz hat es nicht gesehen: es ist nicht verdeckt.", "topic-behind": "Ein Kopf, von hinten gesehen: er ist nicht verdeckt.", "topic-check": "Die Prüfung der Ausgabe hat es gefunden: es ist nicht verdeckt.", "check-answered": "Alles, was die Prüfung fand, ist beantwortet.", "publish-again": "Noch einmal veröffentlichen", "released-asks": "Veröffentlicht: %. Die Prüfung fragt nach weiteren Stellen: jetzt ansehen",
    "torn-remove": "Die Zeile entfernen und öffnen",
    skip: "Überspringen", released: "Veröffentlicht und geprüft: %", refused: "Nicht veröffentlicht. Die Prüfung fand: %", failed: "Nicht veröffentlicht: %", working: "%", "where-to": "Veröffentlichen als", replace: "Eine vorhandene Datei ersetzen",
    detect: "suchen", read: "lesen", render: "zeichnen", verify: "prüfen", repair: "nachbessern", done: "Schließen",
  },
  fr: {
    version: "Version", "version-all": "Toutes les versions", "version-new": "Nouvelle version…", "version-name": "Comment s’appelle cette version ?", "version-hint": "par exemple : tribunal, presse",
    "draw-polygon": "Dessiner un polygone", "next-kind": "Changer le type", kind: "Type", shape: "Contour", box: "cadre", ellipse: "ellipse", polygon: "polygone", "key-frame": "Fixer le cadre sur cette image",
    "next-view": "Vue suivante", "full-screen": "Plein écran", pixels: "Pixels", "pan-left": "Voir à gauche", "pan-right": "Voir à droite", "pan-up": "Voir en haut", "pan-down": "Voir en bas",
    "pen-box": "Tirer un cadre, ou poser deux coins : flèches, Entrée", "pen-polygon": "Poser les coins : clic, ou flèches et Entrée. Le premier encore une fois le ferme",
    marked: "Marqué", frames: "images", "mark-from": "Marquer à partir d’ici", "mark-to": "Marquer jusqu’ici", mute: "Silence", bleep: "Bip", "hear-again": "Rétablir le son", "hide-all": "Masquer toute l’image", unmark: "Enlever la marque",
    sound: "Son", "no-sound": "Pas de son", "sound-left-out": "non publié", "no-sound-here": "Le son ne peut pas être lu ici", audible: "Couper le son", silent: "Remettre le son",
    "previous-cut": "Coupe précédente", "next-cut": "Coupe suivante", "time-closer": "Agrandir la chronologie", "time-farther": "Réduire la chronologie",
    "read-only": "Cette vérification est ouverte dans une autre fenêtre : celle-ci la montre sans rien changer.", "edit-here": "Modifier ici", "gone": "Le programme ne répond plus. Ce qui est enregistré est sûr : redémarrez-le.",
    "all-files": "Tous les fichiers", "files-all": "Tous", "files-waiting": "À vérifier", "files-begun": "En cours", "files-signed": "Signés", "file-waiting": "à vérifier", "file-begun": "en cours", "file-signed": "signé", "a-picture": "image", "a-video": "vidéo", "files-finding": "Recherche des personnes à masquer : {} %",
    "sample": "Regarder un échantillon au hasard", "sample-ask": "Peut-on reconnaître quelqu’un ?", "yes": "Oui", "no": "Non", "sample-bound": "Quelqu’un sur {} de {} images : avec 95 % de confiance, au plus {} % des images vous montrent quelqu’un.", "sample-go": "Image", "sign-name": "Nom ou initiales", "sign-note": "Ce qui a été changé à la main, et pourquoi", "sign-seen": "{} % des images ont été vues", "sign-queue": "{} réponses, {} ouvertes", "sign-waits": "Signé. Avant la publication, {} autres doivent signer, chacun après son propre démarrage.",
    "next-open": "Question suivante", "queue": "À regarder d’abord", "queue-begin": "{} endroits à regarder, les plus importants d’abord", "queue-begin-one": "Un endroit à regarder", "queue-start": "Commencer", "queue-left": "encore {}", "queue-done": "Plus de questions. {} réponses", "ask-face": "Y a-t-il quelqu’un ici ?", "ask-plate": "Y a-t-il une plaque ici ?", "ask-thing": "Y a-t-il quelque chose à masquer ici ?", "topic-doubt": "La machine n’est pas sûre.", "topic-faint": "Vu faiblement, et non masqué.", "topic-sure": "Masqué.", "topic-begins": "Juste avant le masquage.", "topic-ends": "Juste après le masquage.", "topic-gap": "Entre deux masquages.", "topic-held": "Masqué un moment, sans que rien n’ait été vu.",
    join: "Joindre", "join-with": "Choisir la piste de la même personne : clic, ou flèches et Entrée", "same-row": "Sur une ligne", "own-row": "Sur sa propre ligne", "row-with": "Choisir une piste de la même personne : clic, ou flèches et Entrée. Seule la chronologie change",
    "back 10": "10 images en arrière", "on 10": "10 images en avant", "first": "Première image", "last": "Dernière image", "track begin": "Là où il commence", "track end": "Là où il finit", "draw-plate": "Dessiner une plaque", "escape": "Ne rien choisir", "smaller": "Réduire", "whole": "Image entière", "help": "Touches",
    language: "Langue", publish: "Publier", found: "Trouvé", picture: "Image", slider: "Vu et publié", timeline: "Chronologie", keys: "Touches",
    outlines: "Vu", published: "Publié", both: "Les deux", undo: "Annuler", redo: "Rétablir", play: "Lire", pause: "Pause", previous: "Image précédente", next: "Image suivante",
    face: "visage", head: "tête", person: "personne", plate: "plaque", text: "texte", area: "zone", open: "incertain", "is-hidden": "masqué", "is-visible": "reste visible", "is-partly": "visible en partie",
    "is-nothing": "rien ici", "is-open": "non masqué", "n-open": "% incertains", hide: "Masquer", leave: "Laisser visible", nothing: "Rien ici", draw: "Dessiner un visage", "draw-area": "Dessiner un cadre",
    "end-here": "Finit ici", "begin-here": "Commence ici", split: "Couper ici", zoom: "Agrandir", reason: "Pourquoi cette personne peut-elle rester visible ?", "reason-hint": "par exemple : accord nº 12", ok: "OK", cancel: "Annuler",
    "head-visible": "La tête autour reste visible, elle aussi.", "head-covers": "Une tête autour reste masquée : la choisir là où aucune autre n’est proche.", "face-covered": "Le visage à l’intérieur reste masqué : le choisir pour le laisser visible.", "head-hidden": "La tête autour est de nouveau masquée, elle aussi.",
    "ask-behind": "Masquer cette tête ?", "leave-behind": "La laisser ainsi",
    "topic-alone": "Un autre réseau ne l’a pas vu : il n’est pas masqué.", "topic-behind": "Une tête vue de dos : elle n’est pas masquée.", "topic-check": "La vérification de la sortie l’a trouvé : il n’est pas masqué.", "check-answered": "Tout ce que la vérification a trouvé a une réponse.", "publish-again": "Publier de nouveau", "released-asks": "Publié : %. La vérification signale d’autres endroits : regardez-les maintenant",
    "torn-remove": "Enlever la ligne, et ouvrir",
    skip: "Passer", released: "Publié et vérifié : %", refused: "Non publié. La vérification a trouvé : %", failed: "Non publié : %", working: "%", "where-to": "Publier sous", replace: "Remplacer le fichier s’il existe",
    detect: "recherche", read: "lecture", render: "dessin", verify: "vérification", repair: "correction", done: "Fermer",
  },
  es: {
    version: "Versión", "version-all": "Todas las versiones", "version-new": "Versión nueva…", "version-name": "¿Cómo se llama esta versión?", "version-hint": "por ejemplo: juzgado, prensa",
    "draw-polygon": "Dibujar un polígono", "next-kind": "Cambiar el tipo", kind: "Tipo", shape: "Contorno", box: "cuadro", ellipse: "elipse", polygon: "polígono", "key-frame": "Fijar el cuadro en este fotograma",
    "next-view": "Vista siguiente", "full-screen": "Pantalla completa", pixels: "Píxeles", "pan-left": "Ver a la izquierda", "pan-right": "Ver a la derecha", "pan-up": "Ver arriba", "pan-down": "Ver abajo",
    "pen-box": "Arrastrar un cuadro, o fijar dos esquinas: flechas, Intro", "pen-polygon": "Fijar las esquinas: clic, o flechas e Intro. La primera otra vez lo cierra",
    marked: "Marcado", frames: "fotogramas", "mark-from": "Marcar desde aquí", "mark-to": "Marcar hasta aquí", mute: "Silenciar", bleep: "Pitido", "hear-again": "Volver a oír", "hide-all": "Ocultar toda la imagen", unmark: "Quitar la marca",
    sound: "Sonido", "no-sound": "Sin sonido", "sound-left-out": "no se publica", "no-sound-here": "El sonido no se puede reproducir aquí", audible: "Quitar el sonido", silent: "Poner el sonido",
    "previous-cut": "Corte anterior", "next-cut": "Corte siguiente", "time-closer": "Ampliar la línea de tiempo", "time-farther": "Reducir la línea de tiempo",
    "read-only": "Esta revisión está abierta en otra ventana: esta la muestra y no cambia nada.", "edit-here": "Editar aquí", "gone": "El programa ya no responde. Lo guardado está a salvo: vuelva a iniciarlo.",
    "all-files": "Todos los archivos", "files-all": "Todos", "files-waiting": "Por revisar", "files-begun": "En revisión", "files-signed": "Firmados", "file-waiting": "por revisar", "file-begun": "en revisión", "file-signed": "firmado", "a-picture": "imagen", "a-video": "vídeo", "files-finding": "Buscando a quién ocultar: {} %",
    "sample": "Mirar una muestra al azar", "sample-ask": "¿Se puede reconocer a alguien?", "yes": "Sí", "no": "No", "sample-bound": "Alguien en {} de {} fotogramas: con un 95 % de confianza, como mucho el {} % de los fotogramas le muestran a alguien.", "sample-go": "Fotograma", "sign-name": "Nombre o iniciales", "sign-note": "Qué se cambió a mano y por qué", "sign-seen": "Se vio el {} % de los fotogramas", "sign-queue": "{} respondidas, {} abiertas", "sign-waits": "Firmado. Antes de publicar deben firmar {} más, cada cual tras su propio inicio.",
    "next-open": "Pregunta siguiente", "queue": "Qué mirar primero", "queue-begin": "{} lugares que mirar, primero los más importantes", "queue-begin-one": "Un lugar que mirar", "queue-start": "Empezar", "queue-left": "quedan {}", "queue-done": "No quedan preguntas. {} respondidas", "ask-face": "¿Hay alguien aquí?", "ask-plate": "¿Hay una matrícula aquí?", "ask-thing": "¿Hay algo que ocultar aquí?", "topic-doubt": "La máquina no está segura.", "topic-faint": "Visto débilmente y sin ocultar.", "topic-sure": "Oculto.", "topic-begins": "Justo antes de ocultarse.", "topic-ends": "Justo después de ocultarse.", "topic-gap": "Entre dos ocultaciones.", "topic-held": "Oculto un rato, aunque no se vio nada.",
    join: "Unir", "join-with": "Elegir la pista de la misma persona: clic, o flechas e Intro", "same-row": "En una fila", "own-row": "En una fila propia", "row-with": "Elegir una pista de la misma persona: clic, o flechas e Intro. Solo cambia la línea de tiempo",
    "back 10": "10 fotogramas atrás", "on 10": "10 fotogramas adelante", "first": "Primer fotograma", "last": "Último fotograma", "track begin": "Donde empieza", "track end": "Donde acaba", "draw-plate": "Dibujar una matrícula", "escape": "No elegir nada", "smaller": "Reducir", "whole": "Imagen entera", "help": "Teclas",
    language: "Idioma", publish: "Publicar", found: "Encontrado", picture: "Imagen", slider: "Visto y publicado", timeline: "Línea de tiempo", keys: "Teclas",
    outlines: "Visto", published: "Publicado", both: "Ambos", undo: "Deshacer", redo: "Rehacer", play: "Reproducir", pause: "Pausa", previous: "Fotograma anterior", next: "Fotograma siguiente",
    face: "cara", head: "cabeza", person: "persona", plate: "matrícula", text: "texto", area: "zona", open: "dudoso", "is-hidden": "oculto", "is-visible": "queda visible", "is-partly": "visible en parte",
    "is-nothing": "no hay nada", "is-open": "sin ocultar", "n-open": "% dudosos", hide: "Ocultar", leave: "Dejar visible", nothing: "No hay nada", draw: "Dibujar una cara", "draw-area": "Dibujar un cuadro",
    "end-here": "Acaba aquí", "begin-here": "Empieza aquí", split: "Dividir aquí", zoom: "Ampliar", reason: "¿Por qué puede quedar visible esta persona?", "reason-hint": "por ejemplo: autorización 12", ok: "Aceptar", cancel: "Cancelar",
    "head-visible": "La cabeza que la rodea también queda visible.", "head-covers": "Una cabeza que la rodea sigue oculta: elegirla donde no haya otra cerca.", "face-covered": "La cara que contiene sigue oculta: elegirla para dejarla visible.", "head-hidden": "La cabeza que la rodea vuelve a estar oculta también.",
    "ask-behind": "¿Ocultar esta cabeza?", "leave-behind": "Dejarla así",
    "topic-alone": "Otra red no lo vio: no está oculto.", "topic-behind": "Una cabeza vista por detrás: no está oculta.", "topic-check": "La comprobación del resultado lo encontró: no está oculto.", "check-answered": "Todo lo que encontró la comprobación tiene respuesta.", "publish-again": "Publicar de nuevo", "released-asks": "Publicado: %. La comprobación señala otros lugares: mírelos ahora",
    "torn-remove": "Quitar la línea y abrir",
    skip: "Saltar", released: "Publicado y comprobado: %", refused: "No publicado. La comprobación encontró: %", failed: "No publicado: %", working: "%", "where-to": "Publicar como", replace: "Sustituir el archivo si existe",
    detect: "buscando", read: "leyendo", render: "dibujando", verify: "comprobando", repair: "corrigiendo", done: "Cerrar",
  },
  sr: {
    version: "Verzija", "version-all": "Sve verzije", "version-new": "Nova verzija…", "version-name": "Kako se zove ova verzija?", "version-hint": "na primer: sud, mediji",
    "draw-polygon": "Nacrtaj mnogougao", "next-kind": "Promeni vrstu", kind: "Vrsta", shape: "Obris", box: "okvir", ellipse: "elipsa", polygon: "mnogougao", "key-frame": "Postavi okvir na ovom kadru",
    "next-view": "Sledeći prikaz", "full-screen": "Ceo ekran", pixels: "Pojedini pikseli", "pan-left": "Gledaj levo", "pan-right": "Gledaj desno", "pan-up": "Gledaj gore", "pan-down": "Gledaj dole",
    "pen-box": "Razvuci okvir, ili postavi dva ugla: strelice, Enter", "pen-polygon": "Postavi uglove: klik, ili strelice i Enter. Prvi još jednom ga zatvara",
    marked: "Obeleženo", frames: "kadrova", "mark-from": "Obeleži odavde", "mark-to": "Obeleži dovde", mute: "Utišaj", bleep: "Pisak", "hear-again": "Opet se čuje", "hide-all": "Sakrij celu sliku", unmark: "Ukloni oznaku",
    sound: "Zvuk", "no-sound": "Nema zvuka", "sound-left-out": "ne objavljuje se", "no-sound-here": "Zvuk se ovde ne može pustiti", audible: "Isključi zvuk", silent: "Uključi zvuk",
    "previous-cut": "Prethodni rez", "next-cut": "Sledeći rez", "time-closer": "Uvećaj vremensku liniju", "time-farther": "Umanji vremensku liniju",
    "read-only": "Ovaj pregled je otvoren u drugom prozoru: ovaj ga prikazuje i ništa ne menja.", "edit-here": "Menjaj ovde", "gone": "Program više ne odgovara. Sačuvano je sigurno: pokrenite ga ponovo.",
    "all-files": "Sve datoteke", "files-all": "Sve", "files-waiting": "Za pregled", "files-begun": "U pregledu", "files-signed": "Potpisano", "file-waiting": "za pregled", "file-begun": "u pregledu", "file-signed": "potpisano", "a-picture": "slika", "a-video": "video", "files-finding": "Traži se koga treba sakriti: {} %",
    "sample": "Pogledaj nasumičan uzorak", "sample-ask": "Da li se neko prepoznaje?", "yes": "Da", "no": "Ne", "sample-bound": "Neko na {} od {} kadrova: sa 95 % pouzdanosti najviše {} % svih kadrova vam pokazuje nekoga.", "sample-go": "Kadar", "sign-name": "Ime ili inicijali", "sign-note": "Šta je ručno promenjeno, i zašto", "sign-seen": "Viđeno je {} % kadrova", "sign-queue": "{} odgovora, {} otvoreno", "sign-waits": "Potpisano. Pre objave mora da potpiše još {}, svako posle svog pokretanja.",
    "next-open": "Sledeće pitanje", "queue": "Šta prvo pogledati", "queue-begin": "{} mesta za gledanje, prvo najvažnija", "queue-begin-one": "Jedno mesto za gledanje", "queue-start": "Počni", "queue-left": "još {}", "queue-done": "Nema više pitanja. Odgovora: {}", "ask-face": "Ima li nekoga ovde?", "ask-plate": "Ima li tablice ovde?", "ask-thing": "Ima li ovde nečeg što treba sakriti?", "topic-doubt": "Mašina nije sigurna.", "topic-faint": "Slabo viđeno i nije sakriveno.", "topic-sure": "Sakriveno.", "topic-begins": "Tik pre nego što se sakrije.", "topic-ends": "Tik pošto je bilo sakriveno.", "topic-gap": "Između dva sakrivanja.", "topic-held": "Sakriveno neko vreme, iako ništa nije viđeno.",
    join: "Spoji", "join-with": "Izaberi trag iste osobe: klikom, ili strelicama i Enterom", "same-row": "U isti red", "own-row": "U zaseban red", "row-with": "Izaberi trag iste osobe: klikom, ili strelicama i Enterom. Menja se samo vremenska linija",
    "back 10": "10 kadrova nazad", "on 10": "10 kadrova napred", "first": "Prvi kadar", "last": "Poslednji kadar", "track begin": "Gde počinje", "track end": "Gde se završava", "draw-plate": "Nacrtaj tablicu", "escape": "Ne biraj ništa", "smaller": "Umanji", "whole": "Cela slika", "help": "Tasteri",
    language: "Jezik", publish: "Objavi", found: "Nađeno", picture: "Slika", slider: "Viđeno i objavljeno", timeline: "Vremenska linija", keys: "Tasteri",
    outlines: "Viđeno", published: "Objavljeno", both: "Oboje", undo: "Poništi", redo: "Ponovi", play: "Pusti", pause: "Pauza", previous: "Prethodni kadar", next: "Sledeći kadar",
    face: "lice", head: "glava", person: "osoba", plate: "tablica", text: "tekst", area: "oblast", open: "nesigurno", "is-hidden": "sakriveno", "is-visible": "ostaje vidljivo", "is-partly": "delom vidljivo",
    "is-nothing": "nema ničega", "is-open": "nije sakriveno", "n-open": "% nesigurno", hide: "Sakrij", leave: "Ostavi vidljivo", nothing: "Nema ničega", draw: "Nacrtaj lice", "draw-area": "Nacrtaj okvir",
    "end-here": "Ovde se završava", "begin-here": "Ovde počinje", split: "Podeli ovde", zoom: "Uvećaj", reason: "Zašto ova osoba sme da ostane vidljiva?", "reason-hint": "na primer: saglasnost 12", ok: "U redu", cancel: "Odustani",
    "head-visible": "Glava oko njega takođe ostaje vidljiva.", "head-covers": "Glava oko njega ostaje sakrivena: izaberi je gde nijedna druga nije blizu.", "face-covered": "Lice u njoj ostaje sakriveno: izaberi ga da bi ostalo vidljivo.", "head-hidden": "Glava oko njega je ponovo sakrivena.",
    "ask-behind": "Sakriti ovu glavu?", "leave-behind": "Ostavi je tako",
    "topic-alone": "Druga mreža to nije videla: nije sakriveno.", "topic-behind": "Glava viđena s leđa: nije sakrivena.", "topic-check": "Našla ga je provera rezultata: nije sakriveno.", "check-answered": "Na sve što je provera našla je odgovoreno.", "publish-again": "Objavi ponovo", "released-asks": "Objavljeno: %. Provera pita za još mesta: pogledajte ih sada",
    "torn-remove": "Ukloni taj red i otvori",
    skip: "Preskoči", released: "Objavljeno i provereno: %", refused: "Nije objavljeno. Provera je našla: %", failed: "Nije objavljeno: %", working: "%", "where-to": "Objavi kao", replace: "Zameni datoteku ako postoji",
    detect: "traženje", read: "čitanje", render: "crtanje", verify: "provera", repair: "ispravljanje", done: "Zatvori",
  },
};

let current = "en";

/** @param {string} word */
export const say = (word) => LANGUAGES[current][word] ?? LANGUAGES.en[word] ?? word;

export const KINDS = ["face", "head", "person", "plate", "text", "area"];

/** The word for a kind; a user's own is called as their model calls it. @param {string} kind */
export const kindOf = (kind) => (KINDS.includes(kind) ? say(kind) : kind);

/** What is asked about something of a kind. @param {string} kind */
export const question = (kind) => (KINDS.includes(kind) ? say(["face", "head", "person"].includes(kind) ? "ask-face" : kind === "plate" ? "ask-plate" : "ask-thing") : `${say("ask-thing")} (${kind})`);

/** A sentence with its figures. @param {string} word @param {...(string | number)} values */
export const fill = (word, ...values) => values.reduce((/** @type {string} */ text, value) => text.replace("{}", String(value)), say(word));

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
