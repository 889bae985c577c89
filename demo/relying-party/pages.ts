import type { SignedIn } from './client.ts'
import { type Html, html } from './html.ts'
import { levelInWords, levelsAbove, methodInWords, timeInWords } from './meanings.ts'
import { type Language, type Problem, texts } from './texts.ts'

/** The frame of every page. */
export const page = (language: Language, title: string, body: Html): Html => html`<!doctype html>
<html lang="${language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title}</title>
  <link rel="icon" href="/logo.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/style.css">
</head>
<body>
  <header><a href="/"><img src="/logo.svg" alt="" width="28" height="28">${texts[language].title}</a></header>
  <main>${body}</main>
</body>
</html>
`

export const homePage = (language: Language, issuer: string, inboxUrl: string | undefined): Html => {
  const text = texts[language]
  return page(
    language,
    text.title,
    html`
    <h1>${text.title}</h1>
    <p class="lead">${text.lead}</p>
    <p>${text.homeIntro}</p>
    <p><a class="button primary" href="/sign-in">${text.signIn}</a></p>
    <p class="quiet">${text.provider}: <a href="${issuer}">${issuer}</a></p>
    ${inboxUrl === undefined ? undefined : html`<p class="quiet"><a href="${inboxUrl}">${text.inbox}</a></p>`}`,
  )
}

export interface ClaimsView {
  signedIn: SignedIn
  /** Until when the ID token before the last refresh was valid, Unix seconds. */
  refreshedFrom: number | undefined
  now: number
  /** There is a vault to open. */
  vault: boolean
}

export const claimsPage = (language: Language, { signedIn, refreshedFrom, now, vault }: ClaimsView): Html => {
  const text = texts[language]
  const { claims, refreshToken } = signedIn
  const acr = typeof claims.acr === 'string' ? claims.acr : undefined
  const amr = Array.isArray(claims.amr) ? claims.amr.map(String) : undefined
  const asked = levelInWords(levelsAbove(acr)[0] ?? '', language)
  const time = (seconds: number) =>
    html`<time datetime="${new Date(seconds * 1000).toISOString()}">${timeInWords(seconds, now, language)}</time>`
  const row = (name: keyof typeof text.meanings, value: unknown, words?: Html | string) => html`
      <tr>
        <th scope="row"><code>${name}</code></th>
        <td>${value === undefined ? html`<em>${text.none}</em>` : html`<code>${show(value)}</code>`}</td>
        <td>${text.meanings[name]}${words === undefined ? undefined : html`: <strong>${words}</strong>`}</td>
      </tr>`
  const timeRow = (name: 'auth_time' | 'iat' | 'exp') => {
    const seconds = claims[name]
    return row(name, seconds, typeof seconds === 'number' ? time(seconds) : undefined)
  }
  return page(
    language,
    text.claimsTitle,
    html`
    <h1>${text.claimsTitle}</h1>
    ${refreshedFrom === undefined ? undefined : html`<p class="notice" role="status">${text.refreshed(clock(refreshedFrom, language), clock(claims.exp, language))}</p>`}
    <p>${text.claimsIntro}</p>
    <table>
      <thead><tr><th scope="col">${text.claim}</th><th scope="col">${text.value}</th><th scope="col">${text.meaning}</th></tr></thead>
      <tbody>
      ${row('sub', claims.sub)}
      ${row('name', claims.name)}
      ${row('email', claims.email)}
      ${row('acr', acr, acr === undefined ? undefined : levelInWords(acr, language))}
      ${row('amr', amr, amr?.map((method) => methodInWords(method, language)).join(' + '))}
      ${timeRow('auth_time')}
      ${timeRow('iat')}
      ${timeRow('exp')}
      </tbody>
    </table>
    <ul class="actions">
      <li><a class="button" href="/sign-in-again">${text.signInAgain}</a> <span>${text.signInAgainHint}</span></li>
      <li><a class="button" href="/ask-for-more">${text.askForMore}</a> <span>${text.askForMoreHint(asked)}</span></li>
      ${vault ? html`<li><a class="button" href="/vault">${text.vault.open}</a> <span>${text.vault.openHint}</span></li>` : undefined}
      <li>${
        refreshToken === undefined
          ? html`<span>${text.noRefresh}</span>`
          : html`<form method="post" action="/refresh"><button class="button">${text.refresh}</button></form> <span>${text.refreshHint}</span>`
      }</li>
      <li><form method="post" action="/sign-out"><button class="button">${text.signOut}</button></form> <span>${text.signOutHint}</span></li>
    </ul>`,
  )
}

/** What happened, in words, and a way on. `detail` is the bare error code, for who reports it. */
export const problemPage = (
  language: Language,
  problem: Problem,
  detail: string,
  signedIn: boolean,
): Html => {
  const text = texts[language]
  const [title = '', explanation = ''] = text.problems[problem]
  return page(
    language,
    title,
    html`
    <h1>${title}</h1>
    <p role="alert">${explanation}</p>
    <p>
      ${signedIn ? html`<a class="button primary" href="/claims">${text.backToClaims}</a>` : html`<a class="button primary" href="/sign-in">${text.signIn}</a>`}
      <a class="button" href="/">${text.backHome}</a>
    </p>
    <p class="quiet">${text.errorCode}: <code>${detail}</code></p>`,
  )
}

const clock = (seconds: number, language: Language): string =>
  new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(seconds * 1000)

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
