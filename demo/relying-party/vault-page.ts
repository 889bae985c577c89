import { type Html, html } from './html.ts'
import { levelInWords } from './meanings.ts'
import { page } from './pages.ts'
import { type Language, texts } from './texts.ts'
import type { StepUp, Treasure } from './vault.ts'

/** What led to the vault: the challenge it had before, and the level that was not enough. */
export interface Story {
  stepUp: StepUp
  before: string | undefined
}

const levelOf = (acr: string, language: Language): Html =>
  html`<code>${acr}</code> (${levelInWords(acr, language)})`

/** What is in the vault, and how it came to open. */
export const vaultPage = (language: Language, treasure: Treasure, story: Story | undefined): Html => {
  const text = texts[language].vault
  const now = levelOf(treasure.acr, language)
  return page(
    language,
    text.title,
    html`
    <h1>${text.title}</h1>
    <section class="notice">
      <h2>${treasure.title}</h2>
      <p>${treasure.text}</p>
    </section>
    <h2>${text.whatHappened}</h2>
    ${story === undefined ? html`<p role="status">${text.atOnce} ${now}.</p>` : steps(language, story, now)}
    <p><a class="button" href="/claims">${texts[language].backToClaims}</a></p>`,
  )
}

const steps = (language: Language, { stepUp, before }: Story, now: Html): Html => {
  const text = texts[language].vault
  const { acrValues, maxAge } = stepUp
  return html`<ol role="status">
      <li>${text.asked}${before === undefined ? undefined : html` ${levelOf(before, language)}`}.</li>
      <li>${text.challenged} <code>insufficient_user_authentication</code>.
        ${acrValues.length > 0 ? html`${text.wantedLevels} <code>acr_values=${acrValues.join(' ')}</code>.` : undefined}
        ${maxAge === undefined ? undefined : html`${text.wantedAge(maxAge)} <code>max_age=${maxAge}</code>.`}</li>
      <li>${text.sentOn}</li>
      <li>${text.opened} ${now}.</li>
    </ol>`
}
