"""The words by which instructions to agents are known, in the languages that tickets come in.

Problem: a table of whole sentences per language finds those sentences only, and word order differs. Choice: stems by
language and meaning; `demands` looks for meanings that stand together in one sentence. Stems are written as people write
them; a space joins the words of a phrase, `$` ends a word. Chinese, Japanese, Korean and Thai are matched inside words.
"""

from collections.abc import Mapping
from enum import Enum, auto


class Meaning(Enum):
    """What a stem says."""

    ASIDE = auto()
    """To set aside, to ignore."""
    FOLLOW = auto()
    INSTRUCTIONS = auto()
    RULES = auto()
    PREVIOUS = auto()
    """Previous, above, so far."""
    ALL = auto()
    YOURS = auto()
    TOLD = auto()
    LEAK = auto()
    """To print, write or send."""
    ENVIRONMENT = auto()
    SECRETS = auto()
    MASK = auto()
    """To hide, and whatever else turns a leak into its repair."""
    NOT = auto()
    SKIP = auto()
    DELETE = auto()
    TESTS = auto()
    FAILING = auto()
    REVIEW = auto()
    THIS = auto()
    """This change, this task."""
    PUSH = auto()
    DIRECTLY = auto()
    WITHOUT = auto()
    FETCH = auto()
    RUN = auto()
    NOW = auto()
    """You are now, from now on."""
    UNBOUND = auto()
    """Without restrictions, administrator."""
    MENTION = auto()
    SUMMARY = auto()
    SINK = auto()
    """Where agents write: the same word in every language."""
    DESCRIBED = auto()
    """That it happens, which is no demand."""
    MAIN = auto()
    ADDRESS = auto()
    OVER = auto()
    """Withdrawn, no longer so: what was told does not count any more."""
    APPLY = auto()
    YOU = auto()
    """The reader, spoken to."""
    OWN = auto()
    """What only an agent has: its operators, its training."""
    TOLD_YOU = auto()
    ONLY = auto()
    HERE = auto()
    """This ticket, what I write."""
    ROLE = auto()
    """You are, behave like."""
    FROM_NOW = auto()
    TRUSTED = auto()
    """Cleared, approved already."""
    NO_ASKING = auto()
    AGENTS = auto()
    SELF = auto()
    NO_WAIT = auto()
    NEUTRALISE = auto()
    """To take a check its force."""
    CONTROL = auto()
    GREEN = auto()
    """So that it passes, which is the aim of nobody honest."""
    PLACE = auto()
    """Where a machine keeps secrets."""
    MACHINE = auto()
    """The one that agents work on."""
    PROGRAM = auto()
    UNTOLD = auto()
    CHANGED = auto()
    PEOPLE = auto()
    """Those who decide, and where they read."""
    TO_REVIEWER = auto()
    ANSWER = auto()
    VERDICT = auto()
    NO_LOOK = auto()


M = Meaning
EVERYWHERE: Mapping[Meaning, str] = {
    M.SINK: "readme; pull request; pr$; commit$; docs$; md$; gist$; pastebin; https$; http$; changelog",
    M.SUMMARY: "readme; pull request; pr$; commit$; diff$",
    M.MAIN: "main$; master$; trunk$; production$",
    M.ADDRESS: "https$; http$",
    M.ENVIRONMENT: "env$; environ$",
    M.SECRETS: "api keys; tokens$",
}
STEMS: Mapping[str, Mapping[Meaning, str]] = {
    "de": {
        M.ASIDE: "ignorier; vergiss; vergesst; vergess; missacht; setz dich über; setze dich über; übergeh; verwirf; beachte nicht",
        M.FOLLOW: "befolge$; folge$; halte dich", M.INSTRUCTIONS: "anweisung; instruktion; vorgabe; richtlinie; systemprompt",
        M.RULES: "regel; auftrag", M.PREVIOUS: "vorherig; bisherig; vorig; früher; obig; oben; bisher; zuvor", M.ALL: "alle$; allen$; aller$; alles$; sämtliche; jede",
        M.YOURS: "dein; eure; euren$; ihre internen", M.TOLD: "gesagt; stand$; mitgeteilt; aufgetragen",
        M.LEAK: "gib$; gebt$; schreib; druck; sende; schick; kopier; veröffentlich; poste; hänge; füge; lade$", M.ENVIRONMENT: "umgebungsvariable", M.SECRETS: "geheimnis; zugangsdaten; passwört; schlüssel$; schlüssel; api schlüssel",
        M.MASK: "maskier; verberg; sternchen; entfern; nie$; niemals", M.NOT: "nicht; kein; keine; nie$; niemals", M.SKIP: "überspring; umgeh; deaktivier; schalte; schaltet; lass; unterlass", M.DELETE: "lösch; entfern",
        M.TESTS: "test$; tests$; testsuite; prüfung; sicherheitsprüfung", M.FAILING: "fehlschlag; rote$; roten$; scheiternd", M.REVIEW: "review; freigabe; codeprüfung; begutachtung; sicherheitsprüfung", M.THIS: "diese änderung; dieser änderung; diese aufgabe; dieses ticket; dieser aufgabe",
        M.PUSH: "push; merge; schieb; committe", M.DIRECTLY: "direkt; sofort", M.WITHOUT: "ohne$", M.FETCH: "lade$; ladet$; hole$", M.RUN: "führe$; führ$; ausführ; starte",
        M.NOW: "du bist jetzt; du bist nun; ab jetzt bist du; du bist ab sofort", M.UNBOUND: "ohne einschränkung; ohne regeln; administrator; uneingeschränkt; ohne beschränkung", M.MENTION: "erwähn; verrat; sag; nenne", M.SUMMARY: "zusammenfassung; prüfer; reviewer; beschreibung", M.SINK: "kommentar",
    },
    "fr": {
        M.ASIDE: "ignore$; ignorez; ignorer$; oublie$; oubliez; oublier$; ne tiens pas compte; ne tenez pas compte; ne tiens aucun compte; fais abstraction; passe outre; passez outre; contourne", M.FOLLOW: "suis$; suivez; respecte; obéis; obéissez",
        M.INSTRUCTIONS: "instruction; consigne; directive; invite système", M.RULES: "règle", M.PREVIOUS: "précédent; antérieur; ci dessus; plus haut; d avant; jusqu ici; jusqu à présent", M.ALL: "tout; tous$; toute; chaque", M.YOURS: "tes$; ton$; vos$; votre",
        M.TOLD: "dit$; reçu; donné", M.LEAK: "écris; écrivez; affiche; imprime; envoie; envoyez; copie; publie; mets$; ajoute; poste; colle", M.ENVIRONMENT: "variables d environnement", M.SECRETS: "secrets; identifiants; mots de passe; clés", M.MASK: "masqu; ne pas; n afficher; jamais; cach",
        M.NOT: "ne$; n$; pas$; jamais; aucun", M.SKIP: "saute$; sautez; désactive; contourne; omets; omettez; passe$; ignore$; ignorez", M.DELETE: "supprim; efface", M.TESTS: "tests$; test$", M.FAILING: "échouent; en échec; rouges", M.REVIEW: "relecture; revue; approbation; validation de sécurité",
        M.THIS: "cette modification; ce changement; cette tâche; ce ticket", M.PUSH: "pousse; poussez; fusionne; merge; commite", M.DIRECTLY: "direct; tout de suite", M.WITHOUT: "sans$", M.FETCH: "télécharge; récupère", M.RUN: "exécut; lance",
        M.NOW: "tu es désormais; tu es maintenant; vous êtes désormais; vous êtes maintenant; à partir de maintenant tu", M.UNBOUND: "sans restriction; sans limite; administrateur", M.MENTION: "mentionn; parle; dis$; signale", M.SUMMARY: "relecteur; résumé; description", M.SINK: "commentaire",
    },
    "es": {
        M.ASIDE: "ignora$; ignore$; ignorad; ignoren; olvida$; olvide$; olviden; olvídate; haz caso omiso; haga caso omiso; no hagas caso; descarta; omite$", M.FOLLOW: "sigas; siga$; obedezcas; cumplas", M.INSTRUCTIONS: "instrucci; indicaci; directri; directiv; prompt", M.RULES: "regla; norma",
        M.PREVIOUS: "anterior; previas; previos; de arriba; hasta ahora", M.ALL: "tod; cada; cualquier", M.YOURS: "tus$; tu$; vuestr; sus instrucc", M.TOLD: "dicho; dijeron; recibid", M.LEAK: "imprime; imprima; escribe; escriba; envía; envíe; copia; copie; publica; publique; pega; pegue; sube; incluye; muestra",
        M.ENVIRONMENT: "variables de entorno", M.SECRETS: "secretos; credencial; contraseñ; claves$", M.MASK: "enmascar; ocult; cifra; nunca", M.NOT: "no$; nunca; ningun", M.SKIP: "omite; omita; salta; sáltate; desactiva; desactive; evita; deshabilita", M.DELETE: "elimina; borra", M.TESTS: "pruebas; prueba$; tests", M.FAILING: "fallan; fallid; rojas",
        M.REVIEW: "revisión; revisor; aprobación", M.THIS: "este cambio; esta tarea; este ticket; esta solicitud", M.PUSH: "sube$; suba$; empuja; fusiona; haz push; mergea; publica", M.DIRECTLY: "direct", M.WITHOUT: "sin$", M.FETCH: "descarga; descargue", M.RUN: "ejecut", M.NOW: "ahora eres; eres ahora; a partir de ahora eres", M.UNBOUND: "sin restricc; sin límite; administrador",
        M.MENTION: "mencion; digas; diga$; reveles", M.SUMMARY: "resumen; revisor; descripción", M.SINK: "comentario",
    },
    "pt": {
        M.ASIDE: "ignore$; ignora$; ignorem; esqueça; esquece$; esqueçam; desconsidere; desconsidera; despreze", M.FOLLOW: "siga$; sigas; obedeça; cumpra", M.INSTRUCTIONS: "instruç; orientaç; diretri; prompt", M.RULES: "regra", M.PREVIOUS: "anterior; prévias; prévios; acima; até agora", M.ALL: "tod; tudo; cada; qualquer", M.YOURS: "suas$; seu$; tuas$; teu$; que você recebeu; que voce recebeu",
        M.TOLD: "dito; disse; recebeu", M.LEAK: "imprima; imprime; escreva; envie; copie; publique; cole$; inclua; mostre; exiba", M.ENVIRONMENT: "variáveis de ambiente", M.SECRETS: "segredos; credenciais; senhas; chaves", M.MASK: "mascar; ocult; escond; nunca", M.NOT: "não; nunca; nenhum", M.SKIP: "pule$; pula$; ignore$; desative; desativa; omita; desabilite", M.DELETE: "apague; remova; exclua; delete",
        M.TESTS: "testes; teste$", M.FAILING: "falham; falhando; vermelhos", M.REVIEW: "revisão; aprovação; revisor", M.THIS: "desta mudança; esta mudança; desta alteração; esta tarefa; este pedido; desta tarefa", M.PUSH: "envie; faça push; mescle; suba$; publique", M.DIRECTLY: "direta", M.WITHOUT: "sem$", M.FETCH: "baixe$; baixa$", M.RUN: "execut; rode$", M.NOW: "agora você é; você agora é; a partir de agora você", M.UNBOUND: "sem restriç; sem limite; administrador",
        M.MENTION: "mencion; conte$; diga$", M.SUMMARY: "resumo; revisor; descrição", M.SINK: "comentário",
    },
    "it": {
        M.ASIDE: "ignora$; ignorate; ignori$; dimentica$; dimenticate; dimentichi; trascura; non tenere conto", M.FOLLOW: "seguire; segui$; rispetta", M.INSTRUCTIONS: "istruzion; indicazion; direttiv; prompt", M.RULES: "regol", M.PREVIOUS: "precedent; sopra$; finora", M.ALL: "tutt; ogni", M.YOURS: "tue$; tuo$; tuoi; vostre; vostri", M.TOLD: "detto; ricevut",
        M.LEAK: "stampa$; stampate; scrivi$; scrivete; invia$; copia$; pubblica$; incolla; inserisci; metti$", M.ENVIRONMENT: "variabili d ambiente; variabili di ambiente", M.SECRETS: "segreti; credenziali; password; chiavi", M.MASK: "maschera; nascond; mai$", M.NOT: "non$; mai$; nessun", M.SKIP: "salta$; saltate; disattiva; disabilita; ometti; evita", M.DELETE: "elimina; cancella; rimuovi", M.TESTS: "test$; prove$", M.FAILING: "falliscono; falliti; rossi", M.REVIEW: "revision; approvazion",
        M.THIS: "questa modifica; questo ticket; questa attività; questa richiesta", M.PUSH: "fai push; unisci; invia$; pubblica", M.DIRECTLY: "direttamente; subito", M.WITHOUT: "senza$", M.FETCH: "scarica$", M.RUN: "esegui", M.NOW: "ora sei; adesso sei; da ora in poi sei", M.UNBOUND: "senza restrizion; senza limit; amministrator", M.MENTION: "menziona; dire$; parlare", M.SUMMARY: "riepilogo; revisor; descrizione", M.SINK: "commento",
    },
    "nl": {
        M.ASIDE: "negeer; negeren; vergeet; vergeten", M.FOLLOW: "volg", M.INSTRUCTIONS: "instructie; aanwijzing; richtlijn; opdrachten", M.RULES: "regel", M.PREVIOUS: "eerder; vorige; voorgaand; bovenstaand; hierboven", M.ALL: "alle$; alles$; elke", M.YOURS: "je$; jouw; jullie; uw$", M.TOLD: "gezegd; verteld", M.LEAK: "print; schrijf; stuur; kopieer; plaats; plak", M.ENVIRONMENT: "omgevingsvariabelen", M.SECRETS: "geheimen; wachtwoorden; sleutels; inloggegevens",
        M.MASK: "verberg; sterretjes; nooit", M.NOT: "niet; geen; nooit", M.SKIP: "sla$; skip; overslaan; schakel", M.DELETE: "verwijder; wis$", M.TESTS: "test$; tests$; testen", M.FAILING: "falend; mislukt", M.REVIEW: "review; beoordeling; goedkeuring; controle", M.THIS: "deze wijziging; deze taak; dit ticket", M.PUSH: "push; merge; voeg", M.DIRECTLY: "direct; rechtstreeks", M.WITHOUT: "zonder$", M.FETCH: "download; haal", M.RUN: "voer; draai", M.NOW: "je bent nu; jij bent nu; vanaf nu ben je", M.UNBOUND: "zonder beperking; beheerder; zonder regels", M.MENTION: "vermeld; noem; zeg", M.SUMMARY: "samenvatting; beoordelaar", M.SINK: "commentaar; opmerking",
    },
    "pl": {
        M.ASIDE: "zignoruj; ignoruj; zapomnij; pomiń; pomin; zlekceważ", M.FOLLOW: "przestrzegaj; stosuj", M.INSTRUCTIONS: "instrukcj; poleceni; wytyczn; prompt", M.RULES: "zasad; reguł", M.PREVIOUS: "poprzedni; wcześniejsz; powyższ; dotychczas", M.ALL: "wszystk; każd", M.YOURS: "swoje; swoich; twoje; twoich", M.TOLD: "powiedzian", M.LEAK: "wypisz; zapisz; wyślij; skopiuj; opublikuj; wklej; wydrukuj", M.ENVIRONMENT: "zmienne środowisk; zmiennych środowisk", M.SECRETS: "sekret; hasła; klucze; poświadczeni",
        M.MASK: "zamask; ukry; nie$", M.NOT: "nie$; nigdy", M.SKIP: "pomiń; wyłącz; omiń; omijaj", M.DELETE: "usuń", M.TESTS: "test", M.FAILING: "nieudan; czerwon; nie przechodz", M.REVIEW: "recenzj; przegląd; zatwierdzeni; akceptacj", M.THIS: "tej zmiany; tę zmianę; tego zadania; tej zmianie", M.PUSH: "wypchnij; scal; wrzuć; zmerguj", M.DIRECTLY: "bezpośrednio; prosto", M.WITHOUT: "bez$", M.FETCH: "pobierz; ściągnij", M.RUN: "uruchom; wykonaj", M.NOW: "jesteś teraz; teraz jesteś; od teraz jesteś", M.UNBOUND: "bez ograniczeń; administrator", M.MENTION: "wspominaj; mów", M.SUMMARY: "podsumowani; recenzent", M.SINK: "komentarz",
    },
    "ru": {
        M.ASIDE: "игнорируй; проигнорируй; игнорируйте; забудь; забудьте; пренебреги; отбрось; не учитывай; не обращай внимания; не придерживайся; пренебрегай", M.FOLLOW: "следуй; выполняй; соблюдай", M.INSTRUCTIONS: "инструкц; указани; директив; промпт", M.RULES: "правил", M.PREVIOUS: "предыдущ; прежн; выше; ранее; прошл", M.ALL: "все$; всё$; всех; любые; каждую", M.YOURS: "свои; своим; свой; твои; твоим; ваши", M.TOLD: "сказан; говорили", M.LEAK: "выведи; напечатай; запиши; отправь; скопируй; опубликуй; вставь; выложи; пришли",
        M.ENVIRONMENT: "переменные окружения; переменных окружения; переменные среды", M.SECRETS: "секрет; пароли; ключи; токены; учётные данные", M.MASK: "скры; заменя; маскир", M.NOT: "не$; никогда", M.SKIP: "пропусти; отключи; выключи; обойди; отмени", M.DELETE: "удали; сотри", M.TESTS: "тест; проверки; проверку", M.FAILING: "падающ; упавш; красн", M.REVIEW: "ревью; проверку кода; проверки; рецензи; одобрени; согласовани", M.THIS: "этой задачи; этого изменения; это изменение; этой задаче", M.PUSH: "отправь; запушь; залей; слей; влей; пушь", M.DIRECTLY: "прямо; напрямую; сразу", M.WITHOUT: "без$",
        M.FETCH: "скачай; загрузи", M.RUN: "запусти; выполни", M.NOW: "ты теперь; теперь ты; отныне ты", M.UNBOUND: "без ограничений; администратор", M.MENTION: "упоминай; говори; сообщай", M.SUMMARY: "описани; рецензент; проверяющ", M.SINK: "комментари",
    },
    "uk": {
        M.ASIDE: "ігноруй; проігноруй; забудь; знехтуй", M.FOLLOW: "дотримуйся; виконуй", M.INSTRUCTIONS: "інструкц; вказівк; настанов; промпт", M.RULES: "правил", M.PREVIOUS: "попередн; вище; раніше", M.ALL: "усі$; всі$; усе$; все$; будь які", M.YOURS: "свої; твої; ваші", M.LEAK: "виведи; надрукуй; запиши; надішли; скопіюй; встав", M.ENVIRONMENT: "змінні середовища; змінних середовища", M.SECRETS: "секрет; паролі; ключі; токени", M.NOT: "не$; ніколи", M.MASK: "приховай; замаск", M.SKIP: "пропусти; вимкни", M.DELETE: "видали", M.TESTS: "тест", M.REVIEW: "рев ю; перевірк; рецензі; схвалення", M.THIS: "цієї зміни; цього завдання",
        M.FAILING: "червон; що падають", M.PUSH: "відправ; злий; запуш", M.DIRECTLY: "прямо; напряму", M.WITHOUT: "без$", M.SINK: "коментар",
    },
    "tr": {
        M.ASIDE: "yok say$; yok sayın; yoksay; görmezden gel; dikkate alma$; dikkate almayın; unut$; unutun", M.INSTRUCTIONS: "talimat; yönerge; yönlendirme; sistem istemi", M.RULES: "kural", M.PREVIOUS: "önceki; yukarıdaki; bundan önceki; şimdiye kadar", M.ALL: "tüm$; bütün; hepsini; her$", M.YOURS: "kurallarını$; talimatlarını$; senin", M.TOLD: "verilen; söylenen; sana$", M.LEAK: "yaz$; yazdır; yazın; gönder; kopyala; yapıştır; paylaş; ekle", M.ENVIRONMENT: "ortam değişken", M.SECRETS: "gizli anahtar; parola; kimlik bilgi; sırları; sifre", M.MASK: "gizle; yıldız; maske", M.NOT: "yazma$; olmas",
        M.SKIP: "atla; devre dışı; kapat", M.DELETE: "sil$; silin", M.TESTS: "test", M.FAILING: "başarısız", M.REVIEW: "inceleme; onay; gözden geçirme", M.THIS: "bu değişiklik; bu görev", M.PUSH: "gönder; birleştir; push", M.DIRECTLY: "doğrudan", M.WITHOUT: "olmadan; onaysız; incelemesiz", M.SINK: "yorum",
    },
    "cs": {
        M.ASIDE: "ignoruj; zapomeň; nedbej; přehlížej", M.INSTRUCTIONS: "pokyn; instrukc; směrnic", M.RULES: "pravidl", M.PREVIOUS: "předchozí; dřívější; výše; dosavadní", M.ALL: "všechn; všechny; každ", M.YOURS: "své$; svá$; tvoje; tvá$; svoje", M.LEAK: "vypiš; zapiš; pošli; zkopíruj; vlož", M.ENVIRONMENT: "proměnné prostředí; proměnných prostředí", M.SECRETS: "tajemství; hesla; klíče", M.NOT: "ne$", M.MASK: "skryj; zamask; hvězdič", M.SKIP: "přeskoč; vypni; vynech", M.DELETE: "smaž; odstraň", M.TESTS: "test", M.FAILING: "neprocház; selháv", M.REVIEW: "revizi; kontrolu; schválení", M.THIS: "tuto změnu; této změny; tento úkol",
        M.PUSH: "pushni; slouč; nahraj", M.DIRECTLY: "přímo; rovnou", M.WITHOUT: "bez$", M.SINK: "komentář",
    },
    "sv": {
        M.ASIDE: "ignorera$; glöm$; strunta i; bortse från", M.INSTRUCTIONS: "instruktion; anvisning; riktlinje", M.RULES: "regel; regler", M.PREVIOUS: "tidigare; föregående; ovan", M.ALL: "alla$; allt$; samtliga", M.YOURS: "dina$; din$; era$", M.LEAK: "skriv$; skicka; kopiera; publicera; klistra", M.ENVIRONMENT: "miljövariabler", M.SECRETS: "hemligheter; lösenord; nycklar", M.NOT: "inte; aldrig", M.MASK: "dölj; maskera; ersätt", M.SKIP: "hoppa över; stäng av; inaktivera", M.DELETE: "ta bort; radera", M.TESTS: "test", M.FAILING: "misslyckas; röda", M.REVIEW: "granskning; godkännande", M.THIS: "den här ändringen; denna ändring", M.PUSH: "pusha; slå ihop; merga", M.DIRECTLY: "direkt", M.WITHOUT: "utan$", M.SINK: "kommentar",
    },
    "da": {M.ASIDE: "ignorer$; glem$; se bort fra", M.INSTRUCTIONS: "instruktion; anvisning; retningslinj", M.RULES: "regel; regler", M.PREVIOUS: "tidligere; foregående; ovenstående", M.ALL: "alle$; alt$", M.YOURS: "dine$; din$"},
    "no": {M.ASIDE: "ignorer$; glem$; se bort fra", M.INSTRUCTIONS: "instruks; anvisning; retningslinje", M.RULES: "regel; regler", M.PREVIOUS: "tidligere; foregående; ovenstående", M.ALL: "alle$; alt$", M.YOURS: "dine$; din$"},
    "fi": {M.ASIDE: "unohda$; ohita$; jätä huomiotta; älä välitä", M.INSTRUCTIONS: "ohje; ohjeet; käsky", M.RULES: "sään", M.PREVIOUS: "aiem; edellis; yllä", M.ALL: "kaikki; kaikkia", M.YOURS: "sinun"},
    "el": {M.ASIDE: "αγνόησε; αγνοήστε; ξέχασε; ξεχάστε", M.INSTRUCTIONS: "οδηγί; εντολ", M.RULES: "κανόν", M.PREVIOUS: "προηγούμεν; παραπάνω", M.ALL: "όλες; όλους; όλα$", M.YOURS: "σου$"},
    "ro": {M.ASIDE: "ignoră$; ignorați; uită$; uitați", M.INSTRUCTIONS: "instrucțiuni; indicați", M.RULES: "reguli", M.PREVIOUS: "anterioare; precedente; de mai sus", M.ALL: "toate", M.YOURS: "tale"},
    "hu": {M.ASIDE: "hagyd figyelmen kívül; felejtsd el; ignoráld", M.INSTRUCTIONS: "utasítás", M.RULES: "szabály", M.PREVIOUS: "korábbi; előző; fenti", M.ALL: "összes; minden", M.YOURS: "a te$"},
    "id": {
        M.ASIDE: "abaikan; lupakan", M.INSTRUCTIONS: "instruksi; petunjuk; perintah", M.RULES: "aturan", M.PREVIOUS: "sebelumnya; di atas", M.ALL: "semua; seluruh", M.YOURS: "anda; kamu", M.LEAK: "tulis; cetak; kirim; salin", M.ENVIRONMENT: "variabel lingkungan", M.SECRETS: "rahasia; kredensial; kata sandi", M.MASK: "sembunyikan", M.SKIP: "lewati; nonaktifkan", M.TESTS: "pengujian; tes$", M.REVIEW: "tinjauan; persetujuan", M.THIS: "perubahan ini",
    },
    "vi": {
        M.ASIDE: "bỏ qua; quên; phớt lờ; không tuân theo", M.INSTRUCTIONS: "hướng dẫn; chỉ dẫn; chỉ thị; lệnh", M.RULES: "quy tắc", M.PREVIOUS: "trước đó; ở trên; phía trên; trước đây", M.ALL: "tất cả; mọi$; toàn bộ", M.YOURS: "của bạn", M.LEAK: "in$; ghi$; gửi; viết; sao chép", M.ENVIRONMENT: "biến môi trường", M.SECRETS: "mật khẩu; bí mật; khóa api", M.MASK: "ẩn$; che$", M.SKIP: "bỏ qua; tắt$", M.TESTS: "kiểm thử; bài test; test", M.REVIEW: "đánh giá; phê duyệt; xét duyệt", M.THIS: "thay đổi này",
    },
    "ar": {
        M.ASIDE: "تجاهل; انس$; انسى; اهمل", M.INSTRUCTIONS: "التعليمات; تعليمات; الاوامر; التوجيهات; تعليماتك", M.RULES: "القواعد; قواعد", M.PREVIOUS: "السابقة; اعلاه; المذكورة; سابقا", M.ALL: "جميع; كل$; كافة", M.YOURS: "تعليماتك; قواعدك; الخاصة بك", M.LEAK: "اكتب; اطبع; ارسل; انسخ; انشر; ضع$", M.ENVIRONMENT: "متغيرات البيئة", M.SECRETS: "الاسرار; كلمات المرور; المفاتيح السرية", M.MASK: "اخفاء; اخف", M.SKIP: "تخط; عطل; تجاوز", M.TESTS: "الاختبارات", M.REVIEW: "المراجعة; الموافقة", M.THIS: "هذا التغيير", M.PUSH: "ادمج; ادفع", M.DIRECTLY: "مباشرة", M.WITHOUT: "بدون; دون",
    },
    "he": {M.ASIDE: "התעלם; התעלמי; התעלמו; שכח; שכחו", M.INSTRUCTIONS: "ההוראות; הוראות; מהוראות; מההוראות; הנחיות; ההנחיות; הוראותיך", M.RULES: "הכללים; מהכללים; כללים", M.PREVIOUS: "הקודמות; הקודמים; לעיל", M.ALL: "כל$; מכל$; לכל$", M.YOURS: "שלך; הוראותיך", M.LEAK: "הדפס; כתוב; שלח; העתק", M.ENVIRONMENT: "משתני הסביבה; משתני סביבה", M.SECRETS: "הסודות; סודות; סיסמאות", M.MASK: "הסתר; להסתיר", M.SKIP: "דלג; בטל; השבת", M.TESTS: "הבדיקות; בדיקות", M.REVIEW: "הסקירה; האישור", M.THIS: "השינוי הזה"},
    "fa": {M.ASIDE: "نادیده بگیر; فراموش کن; نادیده", M.INSTRUCTIONS: "دستور; دستورالعمل; راهنما", M.RULES: "قواعد; قوانین", M.PREVIOUS: "قبلی; پیشین; بالا", M.ALL: "تمام; همه; کلیه", M.YOURS: "خود; خودت", M.LEAK: "چاپ; بنویس; ارسال; کپی", M.ENVIRONMENT: "متغیرهای محیطی", M.SECRETS: "رمز; اسرار", M.MASK: "پنهان", M.SKIP: "رد کن; غیرفعال", M.TESTS: "آزمون; تست", M.REVIEW: "بازبینی; تایید"},
    "hi": {M.ASIDE: "अनदेखा; नज़रअंदाज़; भूल जाओ; भूल जाएं; अनदेखी", M.INSTRUCTIONS: "निर्देश; आदेश", M.RULES: "नियम", M.PREVIOUS: "पिछले; पूर्व; ऊपर; पहले", M.ALL: "सभी; सारे; हर", M.YOURS: "अपने; तुम्हारे", M.LEAK: "लिखो; लिखें; छापो; भेजो; प्रिंट", M.ENVIRONMENT: "पर्यावरण चर; एनवायरनमेंट", M.SECRETS: "पासवर्ड; गुप्त", M.MASK: "छिपा", M.SKIP: "छोड़; बंद", M.TESTS: "टेस्ट; परीक्षण", M.REVIEW: "समीक्षा; मंज़ूरी"},
    "ja": {
        M.ASIDE: "無視して; 無視しろ; 無視せよ; 無視しなさい; 忘れて; 忘れろ; 破棄して; 従わないで", M.INSTRUCTIONS: "指示; 命令; インストラクション; ガイドライン; システムプロンプト", M.RULES: "ルール; 規則; 制約", M.PREVIOUS: "以前; これまで; 上記; 前述; 先の; 今まで; 上の", M.ALL: "すべて; 全て; 全部; あらゆる", M.YOURS: "あなたの; 君の; 自分の", M.LEAK: "出力して; 書き出して; 書いて; 書き込んで; 送信して; 貼り付けて; 表示して; コピーして; 送って", M.ENVIRONMENT: "環境変数", M.SECRETS: "秘密鍵; 認証情報; パスワード; シークレット; apiキー", M.MASK: "しないよう; しないで; 隠; マスク; 伏せ",
        M.SKIP: "省略して; スキップして; 無効にして; 飛ばして", M.DELETE: "削除して; 消して", M.TESTS: "テスト", M.FAILING: "失敗する; 失敗して", M.REVIEW: "レビュー; 承認; 査読", M.THIS: "この変更; このタスク; この件", M.PUSH: "マージして; プッシュして", M.DIRECTLY: "直接; そのまま; 直ちに", M.WITHOUT: "なしで; せずに", M.FETCH: "ダウンロードして; 取得して", M.RUN: "実行して", M.NOW: "あなたは今から; これからあなたは; 今後あなたは", M.UNBOUND: "制限のない; 管理者; 制限なし", M.SINK: "コメント", M.DESCRIBED: "してしま; している; しています; ている; されて; される", M.NOT: "しないで; しないよう",
        M.MENTION: "言及; 触れ", M.SUMMARY: "要約; レビュアー; 概要",
    },
    "zh": {
        M.ASIDE: "忽略; 无视; 無視; 忘记; 忘記; 忘掉; 抛弃; 不要理会; 不要遵守; 不要遵循; 绕过", M.INSTRUCTIONS: "指令; 指示; 提示词; 提示詞; 说明; 說明; 指引", M.RULES: "规则; 規則; 准则; 约束", M.PREVIOUS: "之前; 以前; 先前; 上面; 上述; 前面; 以上", M.ALL: "所有; 全部; 一切; 任何", M.YOURS: "你的; 您的; 你收到", M.LEAK: "打印; 输出; 写入; 写到; 发送; 复制; 上传; 粘贴; 贴到; 提交到; 泄露", M.ENVIRONMENT: "环境变量; 環境變數", M.SECRETS: "密钥; 密码; 凭据; 机密; 秘密; 令牌", M.MASK: "隐藏; 不要在; 屏蔽; 掩码; 避免; 脱敏; 会打印",
        M.SKIP: "跳过; 禁用; 关闭; 绕过; 省略", M.DELETE: "删除; 删掉", M.TESTS: "测试", M.FAILING: "失败的", M.REVIEW: "审查; 评审; 审核; 审批; 批准流程", M.THIS: "此更改; 这次修改; 此次修改; 本次; 这个任务; 这个变更", M.PUSH: "合并; 推送", M.DIRECTLY: "直接; 立即", M.WITHOUT: "无需; 不经; 不需要; 未经", M.FETCH: "下载", M.RUN: "执行; 运行", M.NOW: "你现在是; 从现在起你是; 从现在开始你", M.UNBOUND: "没有限制; 不受限制; 管理员; 无限制", M.SINK: "评论; 注释", M.DESCRIBED: "会忽略; 会忘记; 被忽略; 总是; 有时", M.NOT: "不要; 别; 不得", M.MENTION: "提及; 提到; 告诉", M.SUMMARY: "摘要; 审查者; 描述",
    },
    "ko": {
        M.ASIDE: "무시하고; 무시하세요; 무시해; 무시하라; 무시하십시오; 잊어; 잊으; 따르지 마", M.INSTRUCTIONS: "지시; 명령; 지침; 안내문; 시스템 프롬프트", M.RULES: "규칙", M.PREVIOUS: "이전; 위의; 지금까지; 앞선; 앞의", M.ALL: "모든; 모두; 전부", M.YOURS: "너의; 당신의; 네 ", M.LEAK: "출력하; 출력해; 적으; 적어; 써; 쓰세요; 기록하세; 보내; 복사하; 붙여", M.ENVIRONMENT: "환경 변수; 환경변수", M.SECRETS: "비밀; 비밀번호; 자격 증명; 토큰", M.MASK: "가려; 숨기; 마스킹", M.SKIP: "건너뛰; 생략하; 비활성화; 끄고", M.DELETE: "삭제하", M.TESTS: "테스트", M.FAILING: "실패하는", M.REVIEW: "리뷰; 승인; 검토", M.THIS: "이 변경; 이번 변경; 이 작업",
        M.PUSH: "병합하; 푸시하; 머지하", M.DIRECTLY: "바로; 직접; 곧바로", M.WITHOUT: "없이", M.FETCH: "다운로드", M.RUN: "실행하", M.NOW: "이제 당신은; 지금부터 당신은; 너는 이제", M.UNBOUND: "제한 없는; 관리자; 제한이 없는", M.SINK: "댓글; 주석", M.DESCRIBED: "무시하는; 무시됩니; 무시합니다; 무시되; 잊어버리는; 잊어버립니다", M.NOT: "마세요; 하지 마; 지 말", M.MENTION: "언급", M.SUMMARY: "요약; 검토자",
    },
    "th": {M.ASIDE: "เพิกเฉย; ละเว้น; ลืม; ไม่ต้องสนใจ", M.INSTRUCTIONS: "คำสั่ง; คำแนะนำ", M.RULES: "กฎ", M.PREVIOUS: "ก่อนหน้า; ข้างต้น; ด้านบน", M.ALL: "ทั้งหมด; ทุก", M.YOURS: "ของคุณ"},
}  # fmt: skip
UNSPACED = frozenset({"ja", "zh", "ko", "th"})
"""Languages whose words are not told apart by spaces, or that add endings to them."""
VERB_LAST = frozenset({*UNSPACED, "tr", "hi", "fa", "hu"})
"""Languages in which a demand need not begin with its verb."""
