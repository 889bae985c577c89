import type { Person } from './people.ts'
import type { StaticClients } from './relying-parties.ts'

/** What the suite's browser does on a page: `["click", "xpath", …]`, `["text", "id", …]`, `["wait", …]`. */
type Command = (string | number)[]

interface Task {
  task: string
  match: string
  optional?: boolean
  commands?: Command[]
}

interface Visit {
  comment?: string
  match: string
  tasks: Task[]
}

/** Waits until a text is on the page, and takes a picture of it where the suite asks for one. */
const show = (
  text: string,
  picture: 'update-image-placeholder' | 'update-image-placeholder-optional',
): Command => ['wait', 'xpath', '//*', 10, text, picture]

/** Titles of our pages, in English, which is what a browser gets that asks for nothing else. */
const titles = { login: 'Sign in', error: 'This did not work', signedOut: 'You are signed out' }

const finished: Task = {
  task: 'Verify complete',
  match: '*/test/*/callback*',
  commands: [['wait', 'id', 'submission_complete', 10]],
}

/**
 * A configuration for a test plan of the suite: the server, the static clients (plans with dynamic registration look at the
 * names only), and how its browser goes through our pages. The second one is filled in when it comes: the click is enough.
 */
export const suitePlan = ({
  issuer,
  alias,
  clients,
  person: { account, password },
}: {
  issuer: string
  alias: string
  clients: StaticClients
  person: Person
}) => {
  const pages = `${issuer}/interaction/*`
  const signIn = (first: Command[] = []): Task[] => [
    {
      task: 'Password',
      match: pages,
      optional: true,
      commands: [
        ...first,
        ['text', 'id', 'username', account.username, 'optional'],
        ['text', 'id', 'password', password, 'optional'],
        ['click', 'xpath', "//button[@value='sign-in']", 'optional'],
      ],
    },
    {
      task: 'Second factor',
      match: `${pages}/second-factor`,
      optional: true,
      commands: [['click', 'xpath', "//button[@value='answer']"]],
    },
    {
      task: 'Consent',
      match: pages,
      optional: true,
      commands: [['click', 'xpath', "//button[@value='allow']", 'optional']],
    },
    finished,
  ]
  const authorization = (tasks: Task[], comment?: string): Visit => ({
    ...(comment !== undefined && { comment }),
    match: `${issuer}/auth*`,
    tasks,
  })
  const logout = (tasks: Task[]): Visit => ({ match: `${issuer}/session/end*`, tasks })
  const choose: Task = {
    task: 'Sign out',
    match: `${issuer}/session/end*`,
    commands: [['click', 'xpath', "//button[@name='logout']"]],
  }
  const errorAt = (match: string): Task => ({
    task: 'Expect the error page',
    match,
    commands: [show(titles.error, 'update-image-placeholder')],
  })
  const override = (names: string[], browser: Visit[]) =>
    Object.fromEntries(names.map((name) => [name, { browser }]))
  return {
    alias,
    description: 'Duepassi, with the second factor required',
    server: { discoveryUrl: `${issuer}/.well-known/openid-configuration`, login_hint: account.username },
    client: { ...clients.client, client_name: 'conformance-one' },
    client2: { ...clients.client2, client_name: 'conformance-two' },
    client_secret_post: clients.client_secret_post,
    browser: [
      authorization(signIn()),
      logout([choose, { task: 'Verify complete', match: '*/test/*/post*', optional: true }]),
    ],
    override: {
      ...override(
        ['oidcc-prompt-login', 'oidcc-max-age-1'],
        [authorization(signIn([show(titles.login, 'update-image-placeholder-optional')]))],
      ),
      ...override(
        [
          'oidcc-ensure-registered-redirect-uri',
          'oidcc-ensure-redirect-uri-in-authorization-request',
          'oidcc-redirect-uri-query-added',
          'oidcc-redirect-uri-query-mismatch',
        ],
        [authorization([errorAt(`${issuer}/auth*`)], 'an error page at once, and no redirect')],
      ),
      ...override(
        ['oidcc-registration-logo-uri', 'oidcc-registration-policy-uri', 'oidcc-registration-tos-uri'],
        [
          authorization([
            {
              task: 'Expect it on the first page',
              match: pages,
              commands: [show(titles.login, 'update-image-placeholder')],
            },
          ]),
        ],
      ),
      ...override(
        [
          'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
          'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
          'oidcc-rp-initiated-logout-modified-id-token-hint',
          'oidcc-rp-initiated-logout-bad-id-token-hint',
        ],
        [authorization(signIn()), logout([errorAt(`${issuer}/session/end*`)])],
      ),
      ...override(
        [
          'oidcc-rp-initiated-logout-no-id-token-hint',
          'oidcc-rp-initiated-logout-no-params',
          'oidcc-rp-initiated-logout-no-post-logout-redirect-uri',
          'oidcc-rp-initiated-logout-only-state',
        ],
        [
          authorization(signIn()),
          logout([
            choose,
            {
              task: 'Expect the page that says so',
              match: `${issuer}/session/end/success*`,
              commands: [show(titles.signedOut, 'update-image-placeholder')],
            },
          ]),
        ],
      ),
    },
  }
}
