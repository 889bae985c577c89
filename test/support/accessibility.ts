import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Asks axe about the page as it is; by these rules alone where some are named. */
const violations = (page: Page, rules?: readonly string[]): Promise<string[]> => {
  // There are no frames of ours, and those of others are theirs.
  const options = { resultTypes: ['violations'], iframes: false, ...(rules && { runOnly: rules }) }
  return page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes[0]?.html))`)
}

/** Controls too low for a thumb (WCAG 2.2, 2.5.8 asks for 24 px; we ask for 44). */
const smallTargets = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('a, button, summary, label.check, input:not([type=hidden], [type=checkbox], [type=radio])')]
    .filter((target) => target.checkVisibility() && target.getBoundingClientRect().height < 44)
    .map((target) => 'small: ' + target.outerHTML)`)

/** What axe objects to, in both colour schemes, a screen as narrow as this one is, and a thumb. */
export const objections = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe.source)
  await page.emulateMedia({ colorScheme: 'light' })
  const light = await violations(page)
  // The two colour schemes differ in colours only.
  await page.emulateMedia({ colorScheme: 'dark' })
  const dark = await violations(page, ['color-contrast'])
  await page.emulateMedia({ colorScheme: null })
  const width = await page.evaluate('document.documentElement.scrollWidth')
  const isWide = width !== page.viewportSize()?.width
  return [...light, ...dark, ...(isWide ? [`${width} px wide`] : []), ...(await smallTargets(page))]
}
