const en = {
  title: 'Example application',
  lead: 'A relying party: an application that leaves signing in to an OpenID Connect provider.',
  homeIntro:
    'You are not signed in. This application never sees your password or your codes: it sends you to the provider and gets back a signed statement of who you are and how you proved it.',
  provider: 'Provider',
  inbox: 'Mails and messages that would have been sent',
  signIn: 'Sign in',
  claimsTitle: 'You are signed in',
  claimsIntro:
    'This is what the ID token says. Its signature, issuer, audience, expiry and nonce were verified.',
  claim: 'Claim',
  value: 'Value',
  meaning: 'What it means',
  none: 'not in the token',
  meanings: {
    sub: 'Who you are, for this provider: it never changes, even if your name does.',
    name: 'Your name.',
    email: 'Your e-mail address.',
    acr: 'How strong the sign-in was',
    amr: 'How you proved it',
    auth_time: 'When you last proved it in person',
    iat: 'When this token was made',
    exp: 'Until when this token may be shown as proof; your session here does not end with it',
  },
  refreshed: (before: string, after: string) =>
    `Refreshed without you: the token was good until ${before} and the new one is until ${after}. acr, amr and auth_time stay as they were, because nobody signed in.`,
  signInAgain: 'Sign in again',
  signInAgainHint: 'Asks for everything again, although you have a session (prompt=login).',
  askForMore: 'Ask for more',
  askForMoreHint: (level: string) => `Demands a level this session does not have: ${level}.`,
  vault: {
    open: 'Open the vault',
    openHint:
      'Calls a resource server with your access token. It opens to a passkey or security key only, and says so itself (RFC 9470).',
    title: 'The vault is open',
    whatHappened: 'What happened',
    atOnce: 'The vault opened at once: the access token says',
    asked: 'This application called the vault with the access token of your session; your sign-in was worth',
    challenged: 'The vault did not open. It answered 401 with the error',
    wantedLevels: 'It wants a stronger sign-in:',
    wantedAge: (seconds: number) =>
      `It wants a sign-in that is not older than ${seconds < 120 ? `${seconds} seconds` : `${Math.floor(seconds / 60)} minutes`}:`,
    sentOn:
      'The application read that from the answer and sent you to the provider with it. The provider kept your session and asked you for what was missing.',
    opened: 'It came back with a new access token, and the vault opened: the token says',
  },
  refresh: 'Refresh',
  refreshHint: 'Gets a new ID token with the refresh token; the provider asks you nothing.',
  noRefresh: 'The provider gave no refresh token.',
  signOut: 'Sign out',
  signOutHint: 'Here, and at the provider.',
  backHome: 'Back to the start',
  backToClaims: 'Back to your claims',
  tryAgain: 'Try again',
  errorCode: 'Error',
  problems: {
    access_denied: [
      'The sign-in was given up',
      'You, or the provider, broke it off. Nothing happened here; you can start again.',
    ],
    unmet_authentication_requirements: [
      'A stronger sign-in was not possible',
      'This application asked for a level that the provider could not reach with what you have set up. What you had before still counts.',
    ],
    login_required: ['You have to sign in', 'The provider has no session of yours that would do.'],
    interaction_required: [
      'The provider has to ask you something',
      'It could not answer without you. Sign in, and it will ask.',
    ],
    consent_required: [
      'Your consent is missing',
      'The provider needs your consent before it tells this application who you are.',
    ],
    account_selection_required: [
      'Choose an account',
      'The provider does not know which of your accounts you mean.',
    ],
    temporarily_unavailable: ['The provider is busy', 'It asks to try again in a moment.'],
    server_error: ['The provider failed', 'It could not finish the sign-in. Trying again usually helps.'],
    provider_unreachable: [
      'The provider does not answer',
      'Is it running? This page tries again as soon as you do.',
    ],
    invalid_grant: [
      'This sign-in is no longer valid',
      'The provider took it back, or it was used already. Sign in again.',
    ],
    answer_not_valid: [
      'The answer could not be verified',
      'What came back does not match what was asked, so it was thrown away.',
    ],
    not_signed_in_again: [
      'You were not asked again',
      'A fresh sign-in was demanded, but the token tells of an old one. It was thrown away.',
    ],
    other_person: [
      'The refreshed token is about something else',
      'It does not tell of the same sign-in, so it was thrown away.',
    ],
    no_refresh_token: [
      'Nothing to refresh with',
      'The provider gave no refresh token. Sign in again to ask for one.',
    ],
    vault_refused: [
      'The vault stays closed',
      'It did not accept your access token, not even after asking for more. You can sign in again with a passkey or security key.',
    ],
    vault_unreachable: [
      'The vault does not answer',
      'It is not running, or cannot reach the provider to verify your token. Try again in a moment.',
    ],
    gone: [
      'This step is over',
      'The page came from the back button, was opened twice, or took too long. A sign-in can be finished once; nothing is lost.',
    ],
    cross_site: [
      'That did not come from here',
      'Another site tried to press a button of this application. Nothing was done.',
    ],
    not_found: ['There is no such page', 'The address leads nowhere in this application.'],
    unexpected: [
      'Something went wrong',
      'The sign-in could not be finished. Nothing was changed; you can start again.',
    ],
  },
}

const it: Texts = {
  title: 'Applicazione di esempio',
  lead: 'Una relying party: un’applicazione che affida l’accesso a un provider OpenID Connect.',
  homeIntro:
    'Non hai effettuato l’accesso. Questa applicazione non vede mai la tua password né i tuoi codici: ti manda dal provider e riceve una dichiarazione firmata su chi sei e su come l’hai dimostrato.',
  provider: 'Provider',
  inbox: 'Le e-mail e i messaggi che sarebbero partiti',
  signIn: 'Accedi',
  claimsTitle: 'Hai effettuato l’accesso',
  claimsIntro:
    'Ecco che cosa dice l’ID token. Firma, emittente, destinatario, scadenza e nonce sono stati verificati.',
  claim: 'Attributo',
  value: 'Valore',
  meaning: 'Che cosa significa',
  none: 'non è nel token',
  meanings: {
    sub: 'Chi sei, per questo provider: non cambia mai, nemmeno se cambi nome.',
    name: 'Il tuo nome.',
    email: 'Il tuo indirizzo e-mail.',
    acr: 'Quanto è stato forte l’accesso',
    amr: 'Come l’hai dimostrato',
    auth_time: 'Quando l’hai dimostrato di persona l’ultima volta',
    iat: 'Quando è stato creato questo token',
    exp: 'Fino a quando questo token vale come prova; la tua sessione qui non finisce con lui',
  },
  refreshed: (before, after) =>
    `Rinnovato senza di te: il token valeva fino a ${before}, quello nuovo fino a ${after}. acr, amr e auth_time restano com’erano, perché nessuno ha rifatto l’accesso.`,
  signInAgain: 'Accedi di nuovo',
  signInAgainHint: 'Chiede tutto da capo, anche se hai una sessione (prompt=login).',
  askForMore: 'Chiedi di più',
  askForMoreHint: (level) => `Esige un livello che questa sessione non ha: ${level}.`,
  vault: {
    open: 'Apri il caveau',
    openHint:
      'Chiama un server di risorse con il tuo access token. Si apre solo con una passkey o a una chiave di sicurezza, ed è lui a dirlo (RFC 9470).',
    title: 'Il caveau è aperto',
    whatHappened: 'Che cosa è successo',
    atOnce: 'Il caveau si è aperto subito: l’access token dice',
    asked:
      'Questa applicazione ha chiamato il caveau con l’access token della tua sessione; il tuo accesso valeva',
    challenged: 'Il caveau non si è aperto. Ha risposto 401 con l’errore',
    wantedLevels: 'Vuole un accesso più forte:',
    wantedAge: (seconds) =>
      `Vuole un accesso fatto da non più di ${seconds < 120 ? `${seconds} secondi` : `${Math.floor(seconds / 60)} minuti`}:`,
    sentOn:
      'L’applicazione lo ha letto nella risposta e ti ha mandato dal provider con questa richiesta. Il provider ha tenuto la tua sessione e ti ha chiesto quello che mancava.',
    opened: 'È tornata con un nuovo access token, e il caveau si è aperto: il token dice',
  },
  refresh: 'Rinnova',
  refreshHint: 'Ottiene un nuovo ID token con il refresh token; il provider non ti chiede nulla.',
  noRefresh: 'Il provider non ha dato un refresh token.',
  signOut: 'Esci',
  signOutHint: 'Da qui e dal provider.',
  backHome: 'Torna all’inizio',
  backToClaims: 'Torna ai dati dell’accesso',
  tryAgain: 'Riprova',
  errorCode: 'Errore',
  problems: {
    access_denied: [
      'L’accesso è stato interrotto',
      'L’hai interrotto tu, o il provider. Qui non è cambiato nulla; puoi ricominciare.',
    ],
    unmet_authentication_requirements: [
      'Un accesso più forte non è stato possibile',
      'Questa applicazione ha chiesto un livello che il provider non può raggiungere con ciò che hai configurato. Quello che avevi prima vale ancora.',
    ],
    login_required: ['Devi effettuare l’accesso', 'Il provider non ha una tua sessione che basti.'],
    interaction_required: [
      'Il provider deve chiederti qualcosa',
      'Non poteva rispondere senza di te. Accedi e te lo chiederà.',
    ],
    consent_required: [
      'Manca il tuo consenso',
      'Al provider serve il tuo consenso per dire a questa applicazione chi sei.',
    ],
    account_selection_required: ['Scegli un account', 'Il provider non sa quale dei tuoi account intendi.'],
    temporarily_unavailable: ['Il provider è occupato', 'Chiede di riprovare fra un momento.'],
    server_error: [
      'Il provider ha avuto un guasto',
      'Non è riuscito a completare l’accesso. Di solito basta riprovare.',
    ],
    provider_unreachable: [
      'Il provider non risponde',
      'È in funzione? Questa pagina ci riprova appena lo fai tu.',
    ],
    invalid_grant: [
      'Questo accesso non vale più',
      'Il provider l’ha revocato, oppure era già stato usato. Accedi di nuovo.',
    ],
    answer_not_valid: [
      'La risposta non è verificabile',
      'Ciò che è tornato non corrisponde a ciò che era stato chiesto, quindi è stato scartato.',
    ],
    not_signed_in_again: [
      'Non ti è stato chiesto di nuovo',
      'Serviva un accesso nuovo, ma il token ne racconta uno vecchio. È stato scartato.',
    ],
    other_person: [
      'Il token rinnovato parla d’altro',
      'Non racconta lo stesso accesso, quindi è stato scartato.',
    ],
    no_refresh_token: [
      'Non c’è nulla con cui rinnovare',
      'Il provider non ha dato un refresh token. Accedi di nuovo per chiederlo.',
    ],
    vault_refused: [
      'Il caveau resta chiuso',
      'Non ha accettato il tuo access token, nemmeno dopo aver chiesto di più. Puoi accedere di nuovo con una passkey o una chiave di sicurezza.',
    ],
    vault_unreachable: [
      'Il caveau non risponde',
      'Non è in funzione, o non raggiunge il provider per verificare il tuo token. Riprova fra un momento.',
    ],
    gone: [
      'Questo passo è già concluso',
      'La pagina veniva dal tasto indietro, era aperta due volte o ha aspettato troppo. Un accesso si conclude una volta sola; non si è perso nulla.',
    ],
    cross_site: [
      'Non veniva da qui',
      'Un altro sito ha provato a premere un pulsante di questa applicazione. Non è stato fatto nulla.',
    ],
    not_found: ['Questa pagina non esiste', 'L’indirizzo non porta da nessuna parte in questa applicazione.'],
    unexpected: [
      'Qualcosa è andato storto',
      'L’accesso non si è concluso. Non è cambiato nulla; puoi ricominciare.',
    ],
  },
}

export type Language = 'it' | 'en'
export type Texts = Omit<typeof en, 'problems'> & { problems: Record<keyof typeof en.problems, string[]> }
export type Problem = keyof Texts['problems']

export const texts: Record<Language, Texts> = { en, it }

/** The problem that a reason is shown as; an OAuth error without a text of its own is `unexpected`. */
export const problemOf = (reason: string): Problem =>
  Object.hasOwn(en.problems, reason) ? (reason as Problem) : 'unexpected'
