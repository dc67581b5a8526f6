// Everything that the control room says, in every language that it speaks.

/** @type {Record<string, Record<string, string>>} */
export const LANGUAGES = {
  en: {
    title: "Control room", cameras: "Cameras", language: "Language", more: "Details", gone: "The program does not answer any more. These pictures and figures are old.",
    "state-ok": "ok", "state-degraded": "degraded", "state-failing": "failing", "state-starting": "starting", "state-ended": "ended",
    delay: "Delay", hidden: "Hidden, last minute", hour: "Hidden, last hour", effort: "Detector", sinks: "Source and sinks", disk: "Disk", process: "Process", source: "source", detector: "detector",
    "stage-starting": "starting", "stage-ok": "ok", "stage-lost": "lost", "stage-failed": "failed", "stage-stopped": "stopped",
    rate: "{} frames per second", round: "looks for all sizes in {}", coarser: "looks for faces {} times as large as asked for", late: "{} repeated, not checked in time", free: "{} free", up: "running for {}", memory: "{} of memory", restarts: "started anew {} times",
    "picture-of": "Last released picture of {}", "no-picture-yet": "No picture yet", "no-picture-for": "No picture for {}",
    "hour-none": "No pictures in the last hour", "hour-share": "{} hidden in the last hour", "hour-most": "{} hidden in the last hour, most at {2}: {1}",
    "cause-starting": "The first minute: {} hidden so far.", "cause-silent": "No picture has gone out for {}", "cause-blank": "Every picture has been hidden for {}", "cause-hidden": "{} of the last minute was hidden", "cause-late": "{} of the last minute was not checked in time and repeats the last picture",
    "cause-slow": "{} of the last minute left too late", "cause-small": "Small faces were last looked for {} ago", "cause-sink": "{} has received nothing for {}", "cause-died": "Its process has ended and is started again", "cause-hangs": "Its process does not answer", "cause-ended": "Its source has ended",
    "do-slow": "lower the resolution or the number of cameras, or look for larger faces (min_face)", "do-source": "check the camera, its power and its network", "do-disk": "make room on the disk, or keep less", "do-sink": "check that its server runs and can be reached", "do-log": "the log says why",
    "do-scene": "cuts and jumps of light hide it for a moment; if the scene is calm, something else keeps this machine busy",
    "cause-unlearnt": "All has been hidden for {}: the background is not learnt, as too little stands still without people in it", "cause-unseen": "All has been hidden for {}: the background is not learnt, as the detectors look too seldom",
    "cause-differs": "All has been hidden for {}: nearly all differs from the background that was learnt", "do-unlearnt": "start it while the place is empty; where it never is, hide people instead (targets = heads, persons)",
    "do-differs": "fix the camera so that it does not move; if the light has changed, it is learnt anew after a minute",
    recordings: "Recordings", camera: "Camera", from: "From", to: "To", show: "Show", by: "Your name", reason: "Reason", export: "Export", hold: "Hold", release: "Release", verify: "Verify", length: "Length", size: "Size", remarks: "Remarks", choose: "Choose", exports: "Exports", report: "report",
    "choose-span": "Choose {} to {}", "nothing-recorded": "Nothing was recorded in this time.", "being-written": "A segment is being written.", "more-rows": "Show earlier rows ({} more)", "no-pictures": "no pictures", "was-changed": "changed since it was recorded", "held-by": "held by {}: {}",
    "name-missing": "Give your name: it stands in the custody log.", "reason-missing": "Say why, as a case number: it stays in the custody log.", working: "Working …", "was-exported": "Exported as {}: {} pictures.", "with-gaps": "Gaps in it: {}.", "was-held": "Segments held: {}.", "was-released": "Segments no longer held: {}.",
    checking: "Checking: {} of {} segments are done.", "check-failed": "The check could not be made: {}.", "verdict-pass": "Segments checked: {}. Passed.", "verdict-pass-with-doubts": "Segments checked: {}. Passed, with doubts that a person should look at.", "verdict-fail": "Segments checked: {}. FAILED.",
    zones: "Zones", "zones-of": "Zones of {}", "zone-kind": "Kind of zone", "hide-always": "hide always", "leave-things": "leave things that stand still visible", "zone-add": "Draw a zone", save: "Save and apply", undo: "Undo the last change", close: "Close", changes: "Changes", delete: "Delete",
    "zone-drawing-label": "Picture to draw on", "zone-keys": "Click corners on the picture, or move the cross with the arrow keys (Shift: one pixel) and press Enter. The first corner again, or C, closes the zone. Drag a corner to move it.", "zone-drawing": "Enter or a click sets a corner, Backspace takes the last one back, C closes the zone, Escape drops it.",
    "zone-move": "Move corners", "zone-corner": "Corner {} of {} at {}: arrow keys move it (Shift: one pixel), Enter goes to the next, Delete takes it out, Escape ends.",
    "zone-hides": "Hidden: {} corners from {}", "zone-spares": "Things stay visible: {} corners from {}", "zone-added": "Drawn. It applies when it is saved.", "zones-applied": "Saved and in force.", "name-missing-zones": "Give your name: it stands in the log of changes.", "log-zones": "{}: changed by {}", "log-undo": "{}: undone by {}",
    roster: "Add or remove cameras", "camera-name": "Name of the camera", "camera-name-hint": "Letters, digits, dots and dashes.", address: "Address", user: "User, if the camera asks for one", password: "Password", "password-hint": "It is kept in a file of its own, which only this program may read.", transport: "Transport",
    "transport-auto": "automatic", "send-to": "Send to (one address a line)", "send-to-hint": "record: and a folder, hls: and a folder, or the rtsp:// or rtmp:// address of a server.", keep: "Keep recordings for (empty: all)", test: "Test", "save-camera": "Save and start", connecting: "Connecting …", "test-failed": "No picture: {}.",
    "test-over": "The test has ended.", "test-found": "It answers: {}.", "has-sound": "with sound", "test-picture": "Picture of the test, as it would be released", "test-shown": "As it would be released. Hidden so far: {}.", "remove-camera": "Remove a camera", remove: "Remove", "remove-hint": "Its process ends and its password is deleted. What it recorded stays.",
    "camera-added": "{} is written and started.", "camera-removed": "{} is removed.", "log-added": "{}: {} added by {}", "log-removed": "{}: {} removed by {}", "log-added-undo": "{}: adding {} undone by {}", "log-removed-undo": "{}: removing {} undone by {}",
    refused: "{}",
    "refused-export-busy": "Another export is being written: try again when it is done.",
    "refused-export-gone": "There is no such export any more.",
    "refused-no-reason": "Say why, as a case number: it stays in the custody log.",
    "refused-no-name": "Give your name: it is written down.",
    "refused-changed-meanwhile": "It was changed meanwhile: close this, look at it again, and repeat your change.",
    "refused-edited": "The file of cameras was edited by hand and not applied: have it applied (HUP), or take the edit back.",
    "refused-by-hand": "The file of cameras cannot be changed from here, as it is written, or a preset was edited meanwhile: change it by hand.",
    "refused-check-busy": "Another check is under way: wait until it is done.",
    "refused-camera-gone": "There is no camera of that name any more.",
    "refused-records-nothing": "This camera records nothing: it is sent to no record:FOLDER.",
    "refused-same-name": "There is a camera of that name: choose another.",
    "refused-same-secret": "A camera of another name has its password in the file for this name: choose another name.",
    "refused-last-camera": "This is the last camera: stop the program instead.",
    "refused-nothing-to-undo": "There is nothing to undo: only what was changed here since the start can be, unless the file was changed since.",
    "refused-reference": "References to passwords are for the file of cameras: type the password itself, it goes to a file of its own.",
    "refused-given-twice": "User and password stand in the address and in their fields: give them once.",
    "refused-no-user": "A password needs a user.",
    "refused-no-address": "Expected the address of a camera, as rtsp://10.0.0.5/stream1.",
    "refused-odd-password": "A password with control characters, or blanks at its ends, cannot be kept in a file.",
    "refused-sink-password": "A destination with a password in its address is to be written into the file of cameras by hand.",
    "refused-nothing-changed": "Nothing was changed.",
    "refused-no-picture": "There is no picture of this camera yet, in which zones could lie: wait for one.",
    "refused-zone-outside": "A zone lies outside the picture, which would hide all of it: delete it or move its corners.",
    "refused-wrong-order": "The end does not come after the beginning.",
    "refused-no-time": "Give both times, with date and time of day.",
    "refused-nothing-held": "Nothing is held from {} to {}.",
    "refused-nothing-recorded": "Nothing was recorded in this time.",
    "refused-in-use": "Somebody else is working on these recordings: try again in a moment.",
    "refused-not-in-force": "It is written, and not in force yet: the log says why.",
    "refused-camera-name": "A camera’s name consists of letters, digits, dots, dashes and underscores, and begins with a letter or digit.",
    "refused-no-sink": "Say where the picture is to be sent.",
    "refused-keep": "How long or how much to keep is given as 7d, as 200GB, or as 7d,200GB.",
  },
  de: {
    title: "Leitstand", cameras: "Kameras", language: "Sprache", more: "Einzelheiten", gone: "Das Programm antwortet nicht mehr. Diese Bilder und Zahlen sind alt.",
    "state-ok": "in Ordnung", "state-degraded": "eingeschränkt", "state-failing": "gestört", "state-starting": "startet", "state-ended": "beendet",
    delay: "Verzögerung", hidden: "Verdeckt, letzte Minute", hour: "Verdeckt, letzte Stunde", effort: "Erkennung", sinks: "Quelle und Ziele", disk: "Festplatte", process: "Prozess", source: "Quelle", detector: "Erkennung",
    "stage-starting": "startet", "stage-ok": "in Ordnung", "stage-lost": "verloren", "stage-failed": "ausgefallen", "stage-stopped": "angehalten",
    rate: "{} Bilder pro Sekunde", round: "sucht alle Größen in {}", coarser: "sucht Gesichter, die {}-mal so groß sind wie verlangt", late: "{} wiederholt, nicht rechtzeitig geprüft", free: "{} frei", up: "läuft seit {}", memory: "{} Speicher", restarts: "{}-mal neu gestartet",
    "picture-of": "Letztes freigegebenes Bild von {}", "no-picture-yet": "Noch kein Bild", "no-picture-for": "Kein Bild seit {}",
    "hour-none": "Keine Bilder in der letzten Stunde", "hour-share": "{} in der letzten Stunde verdeckt", "hour-most": "{} in der letzten Stunde verdeckt, am meisten um {2}: {1}",
    "cause-starting": "Die erste Minute: bisher {} verdeckt.", "cause-silent": "Seit {} kam kein Bild mehr heraus", "cause-blank": "Seit {} ist jedes Bild verdeckt", "cause-hidden": "{} der letzten Minute waren verdeckt", "cause-late": "{} der letzten Minute waren nicht rechtzeitig geprüft und wiederholen das letzte Bild",
    "cause-slow": "{} der letzten Minute gingen zu spät hinaus", "cause-small": "Kleine Gesichter wurden zuletzt vor {} gesucht", "cause-sink": "{} hat seit {} nichts bekommen", "cause-died": "Ihr Prozess ist beendet und wird neu gestartet", "cause-hangs": "Ihr Prozess antwortet nicht", "cause-ended": "Ihre Quelle ist zu Ende",
    "do-slow": "weniger Auflösung oder weniger Kameras, oder nur größere Gesichter suchen (min_face)", "do-source": "Kamera, Strom und Netz prüfen", "do-disk": "Platz auf der Festplatte schaffen oder weniger aufbewahren", "do-sink": "prüfen, ob der Server läuft und erreichbar ist", "do-log": "im Protokoll steht, warum",
    "do-scene": "Schnitte und Lichtsprünge verdecken es kurz; ist die Szene ruhig, beschäftigt etwas anderes diesen Rechner",
    "cause-unlearnt": "Seit {} ist alles verdeckt: Der Hintergrund ist nicht gelernt, denn zu wenig steht still, ohne dass jemand darin ist", "cause-unseen": "Seit {} ist alles verdeckt: Der Hintergrund ist nicht gelernt, denn die Detektoren suchen zu selten",
    "cause-differs": "Seit {} ist alles verdeckt: Fast alles weicht vom gelernten Hintergrund ab", "do-unlearnt": "starten, während der Platz leer ist; ist er das nie, stattdessen Personen verdecken (targets = heads, persons)",
    "do-differs": "die Kamera so befestigen, dass sie sich nicht bewegt; hat sich das Licht geändert, wird nach einer Minute neu gelernt",
    recordings: "Aufzeichnungen", camera: "Kamera", from: "Von", to: "Bis", show: "Zeigen", by: "Ihr Name", reason: "Grund", export: "Ausgeben", hold: "Aufbewahren", release: "Freigeben", verify: "Prüfen", length: "Dauer", size: "Größe", remarks: "Bemerkungen", choose: "Wählen", exports: "Ausgegeben", report: "Bericht",
    "choose-span": "{} bis {} wählen", "nothing-recorded": "In dieser Zeit wurde nichts aufgezeichnet.", "being-written": "Ein Abschnitt wird gerade geschrieben.", "more-rows": "Frühere Zeilen zeigen (noch {})", "no-pictures": "keine Bilder", "was-changed": "seit der Aufzeichnung verändert", "held-by": "aufbewahrt von {}: {}",
    "name-missing": "Ihr Name fehlt: Er steht im Verwahrprotokoll.", "reason-missing": "Der Grund fehlt, etwa ein Aktenzeichen: Er bleibt im Verwahrprotokoll.", working: "In Arbeit …", "was-exported": "Ausgegeben als {}: {} Bilder.", "with-gaps": "Lücken darin: {}.", "was-held": "Aufbewahrte Abschnitte: {}.", "was-released": "Nicht mehr aufbewahrte Abschnitte: {}.",
    checking: "Prüfung: {} von {} Abschnitten sind fertig.", "check-failed": "Die Prüfung war nicht möglich: {}.", "verdict-pass": "Geprüfte Abschnitte: {}. Bestanden.", "verdict-pass-with-doubts": "Geprüfte Abschnitte: {}. Bestanden, mit Zweifeln, die jemand ansehen sollte.", "verdict-fail": "Geprüfte Abschnitte: {}. NICHT BESTANDEN.",
    zones: "Zonen", "zones-of": "Zonen von {}", "zone-kind": "Art der Zone", "hide-always": "immer verdecken", "leave-things": "Dinge, die still stehen, sichtbar lassen", "zone-add": "Zone zeichnen", save: "Speichern und anwenden", undo: "Letzte Änderung zurücknehmen", close: "Schließen", changes: "Änderungen", delete: "Löschen",
    "zone-drawing-label": "Bild zum Zeichnen", "zone-keys": "Ecken im Bild anklicken, oder das Kreuz mit den Pfeiltasten bewegen (Umschalt: ein Pixel) und Eingabe drücken. Die erste Ecke noch einmal, oder C, schließt die Zone. Eine Ecke lässt sich ziehen.", "zone-drawing": "Eingabe oder Klick setzt eine Ecke, Rücktaste nimmt die letzte zurück, C schließt die Zone, Escape verwirft sie.",
    "zone-move": "Ecken bewegen", "zone-corner": "Ecke {} von {} bei {}: Pfeiltasten bewegen sie (Umschalt: ein Pixel), Eingabe geht zur nächsten, Entfernen nimmt sie heraus, Escape beendet.",
    "zone-hides": "Verdeckt: {} Ecken ab {}", "zone-spares": "Dinge bleiben sichtbar: {} Ecken ab {}", "zone-added": "Gezeichnet. Sie gilt, sobald sie gespeichert ist.", "zones-applied": "Gespeichert und in Kraft.", "name-missing-zones": "Ihr Name fehlt: Er steht im Protokoll der Änderungen.", "log-zones": "{}: geändert von {}", "log-undo": "{}: zurückgenommen von {}",
    roster: "Kameras hinzufügen oder entfernen", "camera-name": "Name der Kamera", "camera-name-hint": "Buchstaben, Ziffern, Punkte und Striche.", address: "Adresse", user: "Benutzer, falls die Kamera einen verlangt", password: "Passwort", "password-hint": "Es liegt in einer eigenen Datei, die nur dieses Programm lesen darf.", transport: "Transport",
    "transport-auto": "automatisch", "send-to": "Senden an (eine Adresse je Zeile)", "send-to-hint": "record: und ein Ordner, hls: und ein Ordner, oder die rtsp://- oder rtmp://-Adresse eines Servers.", keep: "Aufzeichnungen behalten für (leer: alle)", test: "Testen", "save-camera": "Speichern und starten", connecting: "Verbindung wird aufgebaut …", "test-failed": "Kein Bild: {}.",
    "test-over": "Der Test ist zu Ende.", "test-found": "Sie antwortet: {}.", "has-sound": "mit Ton", "test-picture": "Bild des Tests, wie es freigegeben würde", "test-shown": "So würde es freigegeben. Bisher verdeckt: {}.", "remove-camera": "Kamera entfernen", remove: "Entfernen", "remove-hint": "Ihr Prozess endet, ihr Passwort wird gelöscht. Was sie aufgezeichnet hat, bleibt.",
    "camera-added": "{} ist gespeichert und gestartet.", "camera-removed": "{} ist entfernt.", "log-added": "{}: {} hinzugefügt von {}", "log-removed": "{}: {} entfernt von {}", "log-added-undo": "{}: Hinzufügen von {} zurückgenommen von {}", "log-removed-undo": "{}: Entfernen von {} zurückgenommen von {}",
    refused: "Das Programm lehnt ab (auf Englisch): {}",
    "refused-export-busy": "Es wird gerade etwas anderes ausgegeben: danach noch einmal versuchen.",
    "refused-export-gone": "Diese Ausgabe gibt es nicht mehr.",
    "refused-no-reason": "Der Grund fehlt, etwa ein Aktenzeichen: Er bleibt im Verwahrprotokoll.",
    "refused-no-name": "Ihr Name fehlt: Er wird aufgeschrieben.",
    "refused-changed-meanwhile": "Es wurde inzwischen geändert: schließen, noch einmal ansehen und die Änderung wiederholen.",
    "refused-edited": "Die Datei der Kameras wurde von Hand geändert und nicht angewendet: anwenden (HUP) oder zurücknehmen.",
    "refused-by-hand": "So, wie die Datei der Kameras geschrieben ist, lässt sie sich von hier nicht ändern, oder eine Vorlage wurde inzwischen bearbeitet: von Hand ändern.",
    "refused-check-busy": "Eine andere Prüfung läuft: warten, bis sie fertig ist.",
    "refused-camera-gone": "Eine Kamera dieses Namens gibt es nicht mehr.",
    "refused-records-nothing": "Diese Kamera zeichnet nichts auf: Unter ihren Zielen ist kein record:ORDNER.",
    "refused-same-name": "Eine Kamera dieses Namens gibt es schon: einen anderen wählen.",
    "refused-same-secret": "Eine andere Kamera hat ihr Passwort in der Datei dieses Namens: einen anderen Namen wählen.",
    "refused-last-camera": "Das ist die letzte Kamera: stattdessen das Programm beenden.",
    "refused-nothing-to-undo": "Es gibt nichts zurückzunehmen: Das geht nur mit dem, was seit dem Start hier geändert wurde, und solange die Datei dieselbe ist.",
    "refused-reference": "Verweise auf Passwörter gehören in die Datei der Kameras: hier das Passwort selbst eingeben, es kommt in eine eigene Datei.",
    "refused-given-twice": "Benutzer und Passwort stehen in der Adresse und in ihren Feldern: nur einmal angeben.",
    "refused-no-user": "Zu einem Passwort gehört ein Benutzer.",
    "refused-no-address": "Erwartet wird die Adresse einer Kamera, etwa rtsp://10.0.0.5/stream1.",
    "refused-odd-password": "Ein Passwort mit Steuerzeichen oder mit Leerzeichen am Rand lässt sich nicht in einer Datei halten.",
    "refused-sink-password": "Ein Ziel mit einem Passwort in der Adresse ist von Hand in die Datei der Kameras zu schreiben.",
    "refused-nothing-changed": "Es wurde nichts geändert.",
    "refused-no-picture": "Von dieser Kamera gibt es noch kein Bild, in dem Zonen liegen könnten: auf eines warten.",
    "refused-zone-outside": "Eine Zone liegt außerhalb des Bildes, was alles verdecken würde: löschen oder ihre Ecken bewegen.",
    "refused-wrong-order": "Das Ende liegt nicht nach dem Anfang.",
    "refused-no-time": "Beide Zeiten angeben, mit Tag und Uhrzeit.",
    "refused-nothing-held": "Von {} bis {} ist nichts aufbewahrt.",
    "refused-nothing-recorded": "In dieser Zeit wurde nichts aufgezeichnet.",
    "refused-in-use": "Jemand anderes arbeitet gerade mit diesen Aufzeichnungen: gleich noch einmal versuchen.",
    "refused-not-in-force": "Es ist gespeichert und noch nicht in Kraft: Das Protokoll sagt, warum.",
    "refused-camera-name": "Der Name einer Kamera besteht aus Buchstaben, Ziffern, Punkten, Binde- und Unterstrichen und beginnt mit Buchstabe oder Ziffer.",
    "refused-no-sink": "Angeben, wohin das Bild gesendet wird.",
    "refused-keep": "Wie lange oder wie viel behalten wird, steht als 7d, als 200GB oder als 7d,200GB.",
  },
  fr: {
    title: "Salle de contrôle", cameras: "Caméras", language: "Langue", more: "Détails", gone: "Le programme ne répond plus. Ces images et ces chiffres sont anciens.",
    "state-ok": "correct", "state-degraded": "dégradé", "state-failing": "en panne", "state-starting": "démarrage", "state-ended": "terminé",
    delay: "Délai", hidden: "Masqué, dernière minute", hour: "Masqué, dernière heure", effort: "Détecteur", sinks: "Source et destinations", disk: "Disque", process: "Processus", source: "source", detector: "détecteur",
    "stage-starting": "démarrage", "stage-ok": "correct", "stage-lost": "perdu", "stage-failed": "en échec", "stage-stopped": "arrêté",
    rate: "{} images par seconde", round: "cherche toutes les tailles en {}", coarser: "cherche des visages {} fois plus grands que demandé", late: "{} répété, non vérifié à temps", free: "{} libres", up: "en marche depuis {}", memory: "{} de mémoire", restarts: "relancé {} fois",
    "picture-of": "Dernière image publiée de {}", "no-picture-yet": "Pas encore d’image", "no-picture-for": "Pas d’image depuis {}",
    "hour-none": "Aucune image dans la dernière heure", "hour-share": "{} masqué dans la dernière heure", "hour-most": "{} masqué dans la dernière heure, au plus à {2} : {1}",
    "cause-starting": "La première minute : {} masqué jusqu’ici.", "cause-silent": "Aucune image n’est sortie depuis {}", "cause-blank": "Toutes les images sont masquées depuis {}", "cause-hidden": "{} de la dernière minute était masqué", "cause-late": "{} de la dernière minute n’a pas été vérifié à temps et répète la dernière image",
    "cause-slow": "{} de la dernière minute est sorti trop tard", "cause-small": "Les petits visages ont été cherchés il y a {}", "cause-sink": "{} n’a rien reçu depuis {}", "cause-died": "Son processus s’est arrêté et redémarre", "cause-hangs": "Son processus ne répond pas", "cause-ended": "Sa source est terminée",
    "do-slow": "réduire la résolution ou le nombre de caméras, ou chercher des visages plus grands (min_face)", "do-source": "vérifier la caméra, son alimentation et son réseau", "do-disk": "libérer de la place sur le disque ou conserver moins", "do-sink": "vérifier que son serveur fonctionne et est joignable", "do-log": "le journal dit pourquoi",
    "do-scene": "les coupes et les sauts de lumière la masquent un instant ; si la scène est calme, autre chose occupe cette machine",
    "cause-unlearnt": "Tout est masqué depuis {} : l’arrière-plan n’est pas appris, car trop peu reste immobile sans personne", "cause-unseen": "Tout est masqué depuis {} : l’arrière-plan n’est pas appris, car les détecteurs regardent trop rarement",
    "cause-differs": "Tout est masqué depuis {} : presque tout diffère de l’arrière-plan appris", "do-unlearnt": "démarrer quand le lieu est vide ; s’il ne l’est jamais, masquer plutôt les personnes (targets = heads, persons)",
    "do-differs": "fixer la caméra pour qu’elle ne bouge pas ; si la lumière a changé, il est réappris après une minute",
    recordings: "Enregistrements", camera: "Caméra", from: "De", to: "À", show: "Afficher", by: "Votre nom", reason: "Motif", export: "Exporter", hold: "Conserver", release: "Libérer", verify: "Vérifier", length: "Durée", size: "Taille", remarks: "Remarques", choose: "Choisir", exports: "Exports", report: "rapport",
    "choose-span": "Choisir de {} à {}", "nothing-recorded": "Rien n’a été enregistré dans cet intervalle.", "being-written": "Un segment est en cours d’écriture.", "more-rows": "Afficher les lignes antérieures (encore {})", "no-pictures": "pas d’images", "was-changed": "modifié depuis l’enregistrement", "held-by": "conservé par {} : {}",
    "name-missing": "Indiquez votre nom : il figure dans le registre de conservation.", "reason-missing": "Indiquez le motif, par exemple un numéro de dossier : il reste dans le registre de conservation.", working: "En cours …", "was-exported": "Exporté sous {} : {} images.", "with-gaps": "Lacunes : {}.", "was-held": "Segments conservés : {}.", "was-released": "Segments qui ne sont plus conservés : {}.",
    checking: "Vérification : {} segments sur {} sont terminés.", "check-failed": "La vérification n’a pas pu se faire : {}.", "verdict-pass": "Segments vérifiés : {}. Réussi.", "verdict-pass-with-doubts": "Segments vérifiés : {}. Réussi, avec des doutes à examiner.", "verdict-fail": "Segments vérifiés : {}. ÉCHEC.",
    zones: "Zones", "zones-of": "Zones de {}", "zone-kind": "Type de zone", "hide-always": "toujours masquer", "leave-things": "laisser visibles les objets immobiles", "zone-add": "Dessiner une zone", save: "Enregistrer et appliquer", undo: "Annuler la dernière modification", close: "Fermer", changes: "Modifications", delete: "Supprimer",
    "zone-drawing-label": "Image sur laquelle dessiner", "zone-keys": "Cliquez les coins sur l’image, ou déplacez la croix avec les flèches (Maj : un pixel) et appuyez sur Entrée. Le premier coin à nouveau, ou C, ferme la zone. Faites glisser un coin pour le déplacer.", "zone-drawing": "Entrée ou un clic pose un coin, Retour arrière retire le dernier, C ferme la zone, Échap l’abandonne.",
    "zone-move": "Déplacer les coins", "zone-corner": "Coin {} sur {} en {} : les flèches le déplacent (Maj : un pixel), Entrée passe au suivant, Suppr l’enlève, Échap termine.",
    "zone-hides": "Masqué : {} coins à partir de {}", "zone-spares": "Objets visibles : {} coins à partir de {}", "zone-added": "Dessinée. Elle s’applique une fois enregistrée.", "zones-applied": "Enregistré et en vigueur.", "name-missing-zones": "Indiquez votre nom : il figure dans le journal des modifications.", "log-zones": "{} : modifié par {}", "log-undo": "{} : annulé par {}",
    roster: "Ajouter ou retirer des caméras", "camera-name": "Nom de la caméra", "camera-name-hint": "Lettres, chiffres, points et tirets.", address: "Adresse", user: "Utilisateur, si la caméra en demande un", password: "Mot de passe", "password-hint": "Il est gardé dans un fichier à part, que seul ce programme peut lire.", transport: "Transport",
    "transport-auto": "automatique", "send-to": "Envoyer à (une adresse par ligne)", "send-to-hint": "record: et un dossier, hls: et un dossier, ou l’adresse rtsp:// ou rtmp:// d’un serveur.", keep: "Garder les enregistrements pendant (vide : tous)", test: "Tester", "save-camera": "Enregistrer et démarrer", connecting: "Connexion …", "test-failed": "Pas d’image : {}.",
    "test-over": "L’essai est terminé.", "test-found": "Elle répond : {}.", "has-sound": "avec son", "test-picture": "Image de l’essai, telle qu’elle serait publiée", "test-shown": "Telle qu’elle serait publiée. Masqué jusqu’ici : {}.", "remove-camera": "Retirer une caméra", remove: "Retirer", "remove-hint": "Son processus s’arrête et son mot de passe est effacé. Ses enregistrements restent.",
    "camera-added": "{} est enregistrée et démarrée.", "camera-removed": "{} est retirée.", "log-added": "{} : {} ajoutée par {}", "log-removed": "{} : {} retirée par {}", "log-added-undo": "{} : ajout de {} annulé par {}", "log-removed-undo": "{} : retrait de {} annulé par {}",
    refused: "Le programme refuse (en anglais) : {}",
    "refused-export-busy": "Une autre exportation est en cours : réessayez quand elle sera terminée.",
    "refused-export-gone": "Cette exportation n’existe plus.",
    "refused-no-reason": "Indiquez un motif, par exemple un numéro de dossier : il reste dans le registre de conservation.",
    "refused-no-name": "Indiquez votre nom : il est consigné.",
    "refused-changed-meanwhile": "Cela a été modifié entre-temps : fermez, regardez de nouveau et refaites votre modification.",
    "refused-edited": "Le fichier des caméras a été modifié à la main sans être appliqué : faites-le appliquer (HUP) ou annulez la modification.",
    "refused-by-hand": "Le fichier des caméras, tel qu’il est écrit, ne peut pas être modifié d’ici, ou un préréglage a été modifié entre-temps : modifiez-le à la main.",
    "refused-check-busy": "Une autre vérification est en cours : attendez qu’elle soit terminée.",
    "refused-camera-gone": "Il n’y a plus de caméra de ce nom.",
    "refused-records-nothing": "Cette caméra n’enregistre rien : aucune de ses destinations n’est record:DOSSIER.",
    "refused-same-name": "Il existe déjà une caméra de ce nom : choisissez-en un autre.",
    "refused-same-secret": "Une autre caméra garde son mot de passe dans le fichier de ce nom : choisissez un autre nom.",
    "refused-last-camera": "C’est la dernière caméra : arrêtez plutôt le programme.",
    "refused-nothing-to-undo": "Il n’y a rien à annuler : seul ce qui a été modifié ici depuis le démarrage peut l’être, tant que le fichier n’a pas changé.",
    "refused-reference": "Les références à des mots de passe sont pour le fichier des caméras : saisissez le mot de passe lui-même, il va dans un fichier à part.",
    "refused-given-twice": "L’utilisateur et le mot de passe figurent dans l’adresse et dans leurs champs : donnez-les une seule fois.",
    "refused-no-user": "Un mot de passe demande un utilisateur.",
    "refused-no-address": "L’adresse d’une caméra est attendue, par exemple rtsp://10.0.0.5/stream1.",
    "refused-odd-password": "Un mot de passe avec des caractères de contrôle, ou des espaces aux extrémités, ne peut pas être gardé dans un fichier.",
    "refused-sink-password": "Une destination dont l’adresse contient un mot de passe doit être écrite à la main dans le fichier des caméras.",
    "refused-nothing-changed": "Rien n’a été modifié.",
    "refused-no-picture": "Il n’y a pas encore d’image de cette caméra où placer des zones : attendez-en une.",
    "refused-zone-outside": "Une zone se trouve hors de l’image, ce qui la masquerait entière : supprimez-la ou déplacez ses coins.",
    "refused-wrong-order": "La fin n’est pas après le début.",
    "refused-no-time": "Donnez les deux moments, avec la date et l’heure.",
    "refused-nothing-held": "Rien n’est retenu de {} à {}.",
    "refused-nothing-recorded": "Rien n’a été enregistré pendant ce temps.",
    "refused-in-use": "Quelqu’un d’autre travaille sur ces enregistrements : réessayez dans un instant.",
    "refused-not-in-force": "C’est écrit, mais pas encore en vigueur : le journal dit pourquoi.",
    "refused-camera-name": "Le nom d’une caméra se compose de lettres, chiffres, points, tirets et traits de soulignement, et commence par une lettre ou un chiffre.",
    "refused-no-sink": "Indiquez où envoyer l’image.",
    "refused-keep": "La durée ou la quantité à garder s’écrit 7d, 200GB ou 7d,200GB.",
  },
  es: {
    title: "Sala de control", cameras: "Cámaras", language: "Idioma", more: "Detalles", gone: "El programa ya no responde. Estas imágenes y cifras son antiguas.",
    "state-ok": "correcto", "state-degraded": "degradado", "state-failing": "en fallo", "state-starting": "arrancando", "state-ended": "terminado",
    delay: "Retraso", hidden: "Oculto, último minuto", hour: "Oculto, última hora", effort: "Detector", sinks: "Fuente y destinos", disk: "Disco", process: "Proceso", source: "fuente", detector: "detector",
    "stage-starting": "arrancando", "stage-ok": "correcto", "stage-lost": "perdido", "stage-failed": "fallido", "stage-stopped": "parado",
    rate: "{} imágenes por segundo", round: "busca todos los tamaños en {}", coarser: "busca caras {} veces más grandes que lo pedido", late: "{} repetido, no comprobado a tiempo", free: "{} libres", up: "en marcha desde hace {}", memory: "{} de memoria", restarts: "reiniciado {} veces",
    "picture-of": "Última imagen publicada de {}", "no-picture-yet": "Aún no hay imagen", "no-picture-for": "Sin imagen desde hace {}",
    "hour-none": "Sin imágenes en la última hora", "hour-share": "{} oculto en la última hora", "hour-most": "{} oculto en la última hora, lo más a las {2}: {1}",
    "cause-starting": "El primer minuto: {} oculto hasta ahora.", "cause-silent": "No ha salido ninguna imagen desde hace {}", "cause-blank": "Todas las imágenes están ocultas desde hace {}", "cause-hidden": "{} del último minuto estaba oculto", "cause-late": "{} del último minuto no se comprobó a tiempo y repite la última imagen",
    "cause-slow": "{} del último minuto salió demasiado tarde", "cause-small": "Las caras pequeñas se buscaron por última vez hace {}", "cause-sink": "{} no ha recibido nada desde hace {}", "cause-died": "Su proceso ha terminado y se reinicia", "cause-hangs": "Su proceso no responde", "cause-ended": "Su fuente ha terminado",
    "do-slow": "reduzca la resolución o el número de cámaras, o busque caras más grandes (min_face)", "do-source": "compruebe la cámara, su alimentación y su red", "do-disk": "libere espacio en el disco o conserve menos", "do-sink": "compruebe que su servidor funciona y es accesible", "do-log": "el registro dice por qué",
    "do-scene": "los cortes y los saltos de luz la ocultan un momento; si la escena está en calma, otra cosa ocupa esta máquina",
    "cause-unlearnt": "Todo está oculto desde hace {}: el fondo no se ha aprendido, porque muy poco queda quieto y sin personas", "cause-unseen": "Todo está oculto desde hace {}: el fondo no se ha aprendido, porque los detectores miran muy pocas veces",
    "cause-differs": "Todo está oculto desde hace {}: casi todo difiere del fondo aprendido", "do-unlearnt": "inicie cuando el lugar esté vacío; si nunca lo está, oculte personas (targets = heads, persons)",
    "do-differs": "fije la cámara para que no se mueva; si ha cambiado la luz, se aprende de nuevo tras un minuto",
    recordings: "Grabaciones", camera: "Cámara", from: "Desde", to: "Hasta", show: "Mostrar", by: "Su nombre", reason: "Motivo", export: "Exportar", hold: "Retener", release: "Liberar", verify: "Comprobar", length: "Duración", size: "Tamaño", remarks: "Observaciones", choose: "Elegir", exports: "Exportaciones", report: "informe",
    "choose-span": "Elegir de {} a {}", "nothing-recorded": "No se grabó nada en este tiempo.", "being-written": "Se está escribiendo un segmento.", "more-rows": "Mostrar filas anteriores (quedan {})", "no-pictures": "sin imágenes", "was-changed": "cambiado desde que se grabó", "held-by": "retenido por {}: {}",
    "name-missing": "Indique su nombre: figura en el registro de custodia.", "reason-missing": "Indique el motivo, como un número de expediente: queda en el registro de custodia.", working: "En curso …", "was-exported": "Exportado como {}: {} imágenes.", "with-gaps": "Lagunas: {}.", "was-held": "Segmentos retenidos: {}.", "was-released": "Segmentos que ya no están retenidos: {}.",
    checking: "Comprobación: {} de {} segmentos terminados.", "check-failed": "No se pudo hacer la comprobación: {}.", "verdict-pass": "Segmentos comprobados: {}. Correcto.", "verdict-pass-with-doubts": "Segmentos comprobados: {}. Correcto, con dudas que alguien debería mirar.", "verdict-fail": "Segmentos comprobados: {}. FALLO.",
    zones: "Zonas", "zones-of": "Zonas de {}", "zone-kind": "Tipo de zona", "hide-always": "ocultar siempre", "leave-things": "dejar visibles las cosas inmóviles", "zone-add": "Dibujar una zona", save: "Guardar y aplicar", undo: "Deshacer el último cambio", close: "Cerrar", changes: "Cambios", delete: "Eliminar",
    "zone-drawing-label": "Imagen sobre la que dibujar", "zone-keys": "Haga clic en las esquinas sobre la imagen, o mueva la cruz con las flechas (Mayús: un píxel) y pulse Intro. La primera esquina otra vez, o C, cierra la zona. Arrastre una esquina para moverla.", "zone-drawing": "Intro o un clic fija una esquina, Retroceso quita la última, C cierra la zona, Escape la descarta.",
    "zone-move": "Mover esquinas", "zone-corner": "Esquina {} de {} en {}: las flechas la mueven (Mayús: un píxel), Intro pasa a la siguiente, Supr la quita, Escape termina.",
    "zone-hides": "Oculto: {} esquinas desde {}", "zone-spares": "Cosas visibles: {} esquinas desde {}", "zone-added": "Dibujada. Se aplica cuando se guarda.", "zones-applied": "Guardado y en vigor.", "name-missing-zones": "Indique su nombre: figura en el registro de cambios.", "log-zones": "{}: cambiado por {}", "log-undo": "{}: deshecho por {}",
    roster: "Añadir o quitar cámaras", "camera-name": "Nombre de la cámara", "camera-name-hint": "Letras, cifras, puntos y guiones.", address: "Dirección", user: "Usuario, si la cámara lo pide", password: "Contraseña", "password-hint": "Se guarda en un archivo aparte, que solo este programa puede leer.", transport: "Transporte",
    "transport-auto": "automático", "send-to": "Enviar a (una dirección por línea)", "send-to-hint": "record: y una carpeta, hls: y una carpeta, o la dirección rtsp:// o rtmp:// de un servidor.", keep: "Conservar las grabaciones durante (vacío: todas)", test: "Probar", "save-camera": "Guardar y arrancar", connecting: "Conectando …", "test-failed": "Sin imagen: {}.",
    "test-over": "La prueba ha terminado.", "test-found": "Responde: {}.", "has-sound": "con sonido", "test-picture": "Imagen de la prueba, tal como se publicaría", "test-shown": "Tal como se publicaría. Oculto hasta ahora: {}.", "remove-camera": "Quitar una cámara", remove: "Quitar", "remove-hint": "Su proceso termina y su contraseña se borra. Lo que grabó se queda.",
    "camera-added": "{} está guardada y en marcha.", "camera-removed": "{} está quitada.", "log-added": "{}: {} añadida por {}", "log-removed": "{}: {} quitada por {}", "log-added-undo": "{}: añadir {} deshecho por {}", "log-removed-undo": "{}: quitar {} deshecho por {}",
    refused: "El programa lo rechaza (en inglés): {}",
    "refused-export-busy": "Se está escribiendo otra exportación: inténtelo cuando haya terminado.",
    "refused-export-gone": "Esa exportación ya no existe.",
    "refused-no-reason": "Indique el motivo, por ejemplo un número de expediente: queda en el registro de custodia.",
    "refused-no-name": "Indique su nombre: queda anotado.",
    "refused-changed-meanwhile": "Se ha cambiado entretanto: cierre, vuelva a mirarlo y repita su cambio.",
    "refused-edited": "El archivo de cámaras se editó a mano y no se aplicó: aplíquelo (HUP) o deshaga la edición.",
    "refused-by-hand": "El archivo de cámaras, tal como está escrito, no se puede cambiar desde aquí, o un preajuste se editó entretanto: cámbielo a mano.",
    "refused-check-busy": "Hay otra comprobación en curso: espere a que termine.",
    "refused-camera-gone": "Ya no hay ninguna cámara con ese nombre.",
    "refused-records-nothing": "Esta cámara no graba nada: ninguno de sus destinos es record:CARPETA.",
    "refused-same-name": "Ya hay una cámara con ese nombre: elija otro.",
    "refused-same-secret": "Otra cámara guarda su contraseña en el archivo de ese nombre: elija otro nombre.",
    "refused-last-camera": "Es la última cámara: detenga el programa en su lugar.",
    "refused-nothing-to-undo": "No hay nada que deshacer: solo se puede con lo cambiado aquí desde el inicio, mientras el archivo no haya cambiado.",
    "refused-reference": "Las referencias a contraseñas son para el archivo de cámaras: escriba la contraseña misma, irá a un archivo propio.",
    "refused-given-twice": "El usuario y la contraseña están en la dirección y en sus campos: indíquelos una vez.",
    "refused-no-user": "Una contraseña necesita un usuario.",
    "refused-no-address": "Se espera la dirección de una cámara, como rtsp://10.0.0.5/stream1.",
    "refused-odd-password": "Una contraseña con caracteres de control, o con espacios en los extremos, no se puede guardar en un archivo.",
    "refused-sink-password": "Un destino con contraseña en su dirección se escribe a mano en el archivo de cámaras.",
    "refused-nothing-changed": "No se ha cambiado nada.",
    "refused-no-picture": "Aún no hay imagen de esta cámara en la que situar zonas: espere una.",
    "refused-zone-outside": "Una zona queda fuera de la imagen, lo que la ocultaría entera: elimínela o mueva sus esquinas.",
    "refused-wrong-order": "El final no es posterior al principio.",
    "refused-no-time": "Indique ambos momentos, con fecha y hora.",
    "refused-nothing-held": "No hay nada retenido de {} a {}.",
    "refused-nothing-recorded": "No se grabó nada en ese tiempo.",
    "refused-in-use": "Otra persona está trabajando con estas grabaciones: inténtelo de nuevo en un momento.",
    "refused-not-in-force": "Está escrito, pero aún no en vigor: el registro dice por qué.",
    "refused-camera-name": "El nombre de una cámara consta de letras, cifras, puntos y guiones, y empieza por letra o cifra.",
    "refused-no-sink": "Indique adónde enviar la imagen.",
    "refused-keep": "Cuánto tiempo o cuánto guardar se indica como 7d, 200GB o 7d,200GB.",
  },
  sr: {
    title: "Kontrolna soba", cameras: "Kamere", language: "Jezik", more: "Pojedinosti", gone: "Program više ne odgovara. Ove slike i brojke su stare.",
    "state-ok": "u redu", "state-degraded": "oslabljeno", "state-failing": "u kvaru", "state-starting": "pokreće se", "state-ended": "završeno",
    delay: "Kašnjenje", hidden: "Sakriveno, poslednji minut", hour: "Sakriveno, poslednji sat", effort: "Detektor", sinks: "Izvor i odredišta", disk: "Disk", process: "Proces", source: "izvor", detector: "detektor",
    "stage-starting": "pokreće se", "stage-ok": "u redu", "stage-lost": "izgubljeno", "stage-failed": "otkazalo", "stage-stopped": "zaustavljeno",
    rate: "{} slika u sekundi", round: "traži sve veličine za {}", coarser: "traži lica {} puta veća nego što je traženo", late: "{} ponovljeno, nije provereno na vreme", free: "{} slobodno", up: "radi već {}", memory: "{} memorije", restarts: "ponovo pokrenuto {} puta",
    "picture-of": "Poslednja objavljena slika kamere {}", "no-picture-yet": "Još nema slike", "no-picture-for": "Nema slike već {}",
    "hour-none": "Bez slika u poslednjem satu", "hour-share": "{} sakriveno u poslednjem satu", "hour-most": "{} sakriveno u poslednjem satu, najviše u {2}: {1}",
    "cause-starting": "Prvi minut: {} sakriveno do sada.", "cause-silent": "Nijedna slika nije izašla već {}", "cause-blank": "Svaka slika je sakrivena već {}", "cause-hidden": "{} poslednjeg minuta bilo je sakriveno", "cause-late": "{} poslednjeg minuta nije provereno na vreme i ponavlja poslednju sliku",
    "cause-slow": "{} poslednjeg minuta izašlo je prekasno", "cause-small": "Mala lica su poslednji put tražena pre {}", "cause-sink": "{} nije dobio ništa već {}", "cause-died": "Njen proces je završio i ponovo se pokreće", "cause-hangs": "Njen proces ne odgovara", "cause-ended": "Njen izvor je završio",
    "do-slow": "smanjite rezoluciju ili broj kamera, ili tražite veća lica (min_face)", "do-source": "proverite kameru, napajanje i mrežu", "do-disk": "oslobodite mesto na disku ili čuvajte manje", "do-sink": "proverite da li njegov server radi i da li je dostupan", "do-log": "u dnevniku piše zašto",
    "do-scene": "rezovi i skokovi svetla je nakratko sakriju; ako je scena mirna, nešto drugo zauzima ovaj računar",
    "cause-unlearnt": "Sve je sakriveno već {}: pozadina nije naučena, jer premalo toga miruje bez ljudi", "cause-unseen": "Sve je sakriveno već {}: pozadina nije naučena, jer detektori gledaju preretko",
    "cause-differs": "Sve je sakriveno već {}: skoro sve se razlikuje od naučene pozadine", "do-unlearnt": "pokrenite dok je mesto prazno; ako nikad nije, sakrijte ljude (targets = heads, persons)",
    "do-differs": "pričvrstite kameru da se ne pomera; ako se svetlo promenilo, pozadina se uči ponovo posle minuta",
    recordings: "Snimci", camera: "Kamera", from: "Od", to: "Do", show: "Prikaži", by: "Vaše ime", reason: "Razlog", export: "Izvezi", hold: "Zadrži", release: "Oslobodi", verify: "Proveri", length: "Trajanje", size: "Veličina", remarks: "Napomene", choose: "Izaberi", exports: "Izvezeno", report: "izveštaj",
    "choose-span": "Izaberi od {} do {}", "nothing-recorded": "U ovom vremenu ništa nije snimljeno.", "being-written": "Jedan segment se upravo piše.", "more-rows": "Prikaži ranije redove (još {})", "no-pictures": "nema slika", "was-changed": "promenjeno posle snimanja", "held-by": "zadržao {}: {}",
    "name-missing": "Navedite svoje ime: stoji u dnevniku čuvanja.", "reason-missing": "Navedite razlog, na primer broj predmeta: ostaje u dnevniku čuvanja.", working: "U toku …", "was-exported": "Izvezeno kao {}: {} slika.", "with-gaps": "Praznina: {}.", "was-held": "Zadržano segmenata: {}.", "was-released": "Više nije zadržano segmenata: {}.",
    checking: "Provera: gotovo je {} od {} segmenata.", "check-failed": "Provera nije bila moguća: {}.", "verdict-pass": "Provereno segmenata: {}, prošlo.", "verdict-pass-with-doubts": "Provereno segmenata: {}, prošlo, sa sumnjama koje neko treba da pogleda.", "verdict-fail": "Provereno segmenata: {}, NIJE PROŠLO.",
    zones: "Zone", "zones-of": "Zone kamere {}", "zone-kind": "Vrsta zone", "hide-always": "uvek sakrij", "leave-things": "ostavi vidljive stvari koje miruju", "zone-add": "Nacrtaj zonu", save: "Sačuvaj i primeni", undo: "Poništi poslednju promenu", close: "Zatvori", changes: "Promene", delete: "Obriši",
    "zone-drawing-label": "Slika na kojoj se crta", "zone-keys": "Kliknite uglove na slici, ili pomerajte krst strelicama (Shift: jedan piksel) i pritisnite Enter. Prvi ugao još jednom, ili C, zatvara zonu. Ugao se pomera i povlačenjem.", "zone-drawing": "Enter ili klik postavlja ugao, Backspace uklanja poslednji, C zatvara zonu, Escape je odbacuje.",
    "zone-move": "Pomeri uglove", "zone-corner": "Ugao {} od {} na {}: strelice ga pomeraju (Shift: jedan piksel), Enter prelazi na sledeći, Delete ga uklanja, Escape završava.",
    "zone-hides": "Sakriveno: {} uglova od {}", "zone-spares": "Stvari ostaju vidljive: {} uglova od {}", "zone-added": "Nacrtano. Važi kada se sačuva.", "zones-applied": "Sačuvano i na snazi.", "name-missing-zones": "Navedite svoje ime: stoji u dnevniku promena.", "log-zones": "{}: promenio {}", "log-undo": "{}: poništio {}",
    roster: "Dodaj ili ukloni kamere", "camera-name": "Ime kamere", "camera-name-hint": "Slova, cifre, tačke i crtice.", address: "Adresa", user: "Korisnik, ako ga kamera traži", password: "Lozinka", "password-hint": "Čuva se u posebnoj datoteci, koju samo ovaj program sme da čita.", transport: "Prenos",
    "transport-auto": "automatski", "send-to": "Šalji na (po jedna adresa u redu)", "send-to-hint": "record: i fascikla, hls: i fascikla, ili rtsp:// ili rtmp:// adresa servera.", keep: "Čuvaj snimke (prazno: sve)", test: "Isprobaj", "save-camera": "Sačuvaj i pokreni", connecting: "Povezivanje …", "test-failed": "Nema slike: {}.",
    "test-over": "Proba je završena.", "test-found": "Odgovara: {}.", "has-sound": "sa zvukom", "test-picture": "Slika probe, kakva bi bila objavljena", "test-shown": "Ovako bi bila objavljena. Sakriveno do sada: {}.", "remove-camera": "Ukloni kameru", remove: "Ukloni", "remove-hint": "Njen proces se završava i lozinka se briše. Ono što je snimila ostaje.",
    "camera-added": "{} je sačuvana i pokrenuta.", "camera-removed": "{} je uklonjena.", "log-added": "{}: {} dodao {}", "log-removed": "{}: {} uklonio {}", "log-added-undo": "{}: dodavanje kamere {} poništio {}", "log-removed-undo": "{}: uklanjanje kamere {} poništio {}",
    refused: "Program odbija (na engleskom): {}",
    "refused-export-busy": "Upravo se piše drugi izvoz: pokušajte kada se završi.",
    "refused-export-gone": "Taj izvoz više ne postoji.",
    "refused-no-reason": "Navedite razlog, na primer broj predmeta: ostaje u dnevniku čuvanja.",
    "refused-no-name": "Navedite svoje ime: biće zapisano.",
    "refused-changed-meanwhile": "U međuvremenu je promenjeno: zatvorite, pogledajte ponovo i ponovite promenu.",
    "refused-edited": "Datoteka kamera je ručno menjana i nije primenjena: primenite je (HUP) ili vratite izmenu.",
    "refused-by-hand": "Datoteka kamera, kako je napisana, ne može se menjati odavde, ili je šablon u međuvremenu izmenjen: promenite je ručno.",
    "refused-check-busy": "Druga provera je u toku: sačekajte da se završi.",
    "refused-camera-gone": "Kamera tog imena više ne postoji.",
    "refused-records-nothing": "Ova kamera ništa ne snima: među odredištima nema record:FASCIKLA.",
    "refused-same-name": "Kamera tog imena već postoji: izaberite drugo.",
    "refused-same-secret": "Druga kamera čuva lozinku u datoteci tog imena: izaberite drugo ime.",
    "refused-last-camera": "Ovo je poslednja kamera: umesto toga zaustavite program.",
    "refused-nothing-to-undo": "Nema šta da se poništi: može samo ono što je ovde promenjeno od pokretanja, dok se datoteka ne promeni.",
    "refused-reference": "Upućivanja na lozinke su za datoteku kamera: ukucajte samu lozinku, ide u posebnu datoteku.",
    "refused-given-twice": "Korisnik i lozinka stoje i u adresi i u svojim poljima: navedite ih jednom.",
    "refused-no-user": "Uz lozinku ide i korisnik.",
    "refused-no-address": "Očekuje se adresa kamere, na primer rtsp://10.0.0.5/stream1.",
    "refused-odd-password": "Lozinka sa kontrolnim znakovima, ili razmacima na krajevima, ne može da se čuva u datoteci.",
    "refused-sink-password": "Odredište sa lozinkom u adresi upisuje se ručno u datoteku kamera.",
    "refused-nothing-changed": "Ništa nije promenjeno.",
    "refused-no-picture": "Još nema slike ove kamere u kojoj bi zone mogle da leže: sačekajte je.",
    "refused-zone-outside": "Jedna zona leži van slike, što bi je celu sakrilo: obrišite je ili pomerite uglove.",
    "refused-wrong-order": "Kraj nije posle početka.",
    "refused-no-time": "Navedite oba vremena, sa datumom i satom.",
    "refused-nothing-held": "Od {} do {} ništa nije zadržano.",
    "refused-nothing-recorded": "U tom vremenu ništa nije snimljeno.",
    "refused-in-use": "Neko drugi radi sa ovim snimcima: pokušajte za trenutak.",
    "refused-not-in-force": "Upisano je, ali još nije na snazi: u dnevniku piše zašto.",
    "refused-camera-name": "Ime kamere se sastoji od slova, cifara, tačaka, crtica i donjih crta, i počinje slovom ili cifrom.",
    "refused-no-sink": "Navedite kuda se slika šalje.",
    "refused-keep": "Koliko dugo ili koliko se čuva piše se kao 7d, 200GB ili 7d,200GB.",
  },
};

let current = "en";
/** The language as this browser's country writes it: 24 hours or twice twelve; Serbian in Latin letters, as its words here. */
let local = "en";

/** @param {string} word */
export const say = (word) => LANGUAGES[current][word] ?? LANGUAGES.en[word] ?? word;

/** @param {string} word */
export const knows = (word) => word in LANGUAGES.en;

/** A sentence with its values: {} in their order, or {0}, {1} ... @param {string} word @param {...(string | number)} values */
export function fill(word, ...values) {
  let next = 0;
  return say(word).replace(/\{(\d?)\}/g, (_, index) => String(values[index === "" ? next++ : Number(index)] ?? ""));
}

/** @param {number} value @param {number} digits */
export const number = (value, digits) => new Intl.NumberFormat(local, { maximumFractionDigits: digits }).format(value);

/** @param {number} share */
export const percent = (share) => new Intl.NumberFormat(local, { style: "percent", maximumFractionDigits: share > 0 && share < 0.0995 ? 1 : 0 }).format(share);

/** @param {number} value @param {string} unit @param {number} [digits] */
const measured = (value, unit, digits = 0) => new Intl.NumberFormat(local, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);

/** @param {number} value */
export const seconds = (value) => measured(value, "second", 2);

/** A time span, rounded down. @param {number} value in seconds */
export function duration(value) {
  if (value < 60) return measured(Math.floor(value), "second");
  if (value < 3600) return measured(Math.floor(value / 60), "minute");
  if (value < 86400) return `${measured(Math.floor(value / 3600), "hour")} ${measured(Math.floor((value % 3600) / 60), "minute")}`;
  return measured(Math.floor(value / 86400), "day");
}

/** @param {number} value */
export function bytes(value) {
  const steps = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(steps.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3) - 1));
  const shown = value / 1000 ** (step + 1);
  return measured(shown, steps[step], shown < 10 ? 1 : 0);
}

/** The time of day here. @param {number} at in seconds since the epoch */
export const time = (at) => new Intl.DateTimeFormat(local, { timeStyle: "short" }).format(1000 * at);

/** Day and time here. @param {number} at */
export const day = (at) => new Intl.DateTimeFormat(local, { dateStyle: "medium", timeStyle: "medium" }).format(1000 * at);

/** @param {number} at */
export const utc = (at) => `${new Date(1000 * at).toISOString().slice(11, 19)} UTC`;

/** What a language calls itself. @param {string} name */
export const called = (name) => new Intl.DisplayNames([name === "sr" ? "sr-Latn" : name], { type: "language" }).of(name) ?? name;

/** @param {string} [asked] */
export function speak(asked) {
  const known = [asked, ...navigator.languages].map((one) => one?.slice(0, 2).toLowerCase()).find((one) => one && one in LANGUAGES);
  current = known ?? "en";
  local = current === "sr" ? "sr-Latn" : navigator.languages.find((one) => one.toLowerCase().startsWith(current)) ?? current;
  document.documentElement.lang = current;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(/** @type {HTMLElement} */ (one).dataset.say ?? "");
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(/** @type {HTMLElement} */ (one).dataset.label ?? ""));
  return current;
}
