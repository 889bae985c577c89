/** What a notification says: nothing that only one person, or one application, would be told. */
export interface PushTexts {
  title: string
  body: string
}

export const pushTexts: Readonly<Record<'en' | 'it', PushTexts>> = {
  en: { title: 'A request is waiting', body: 'Open the authenticator to review it.' },
  it: { title: 'Una richiesta ti aspetta', body: 'Apri l’app di verifica per esaminarla.' },
}
