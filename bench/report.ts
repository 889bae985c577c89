import type { ColdStart } from './cold-start.ts'
import type { CryptoLimits } from './crypto-limits.ts'
import type { Kind } from './server.ts'
import type { SessionBytes } from './session-bytes.ts'
import { ratios, type Series } from './slices.ts'
import { type Summary, summarize } from './statistics.ts'
import type { Storm } from './storm.ts'

/** All that a run measured. */
export interface Measurements {
  machine: Record<string, string | number>
  settings: Record<string, string | number | boolean>
  series: Record<string, Series>
  storm?: Storm
  sessionBytes: Record<Kind, SessionBytes>
  coldStart: Record<Kind, ColdStart>
  crypto: CryptoLimits
  requestsOfLogin: Record<Kind, number>
}

/** One line of the table. Ratios are of CPU, round by round; `control` is the reference against itself (A/A). */
export interface Row {
  what: string
  bare: string
  ours: string
  value: Summary
  control?: Summary
  unit: '×' | 'ms' | 'B' | 'MB' | ''
  target: number
  /** `least`: the value has to be at least the target. */
  sense: 'least' | 'most'
  verdict: 'reached' | 'not reached' | 'within noise'
}

const targets: { what: string; ours: string; bare: string; target: number }[] = [
  {
    what: 'login without the hash',
    ours: 'duepassi, stubbed hash: login',
    bare: 'bare: login',
    target: 0.95,
  },
  { what: 'sign-in again', ours: 'duepassi: sign-in again', bare: 'bare: sign-in again', target: 0.7 },
  { what: 'refresh', ours: 'duepassi: refresh', bare: 'bare: refresh', target: 0.5 },
  {
    what: 'client credentials, JWT',
    ours: 'duepassi: client credentials, JWT',
    bare: 'bare: client credentials, JWT',
    target: 0.45,
  },
  {
    what: 'client credentials, opaque',
    ours: 'duepassi: client credentials, opaque',
    bare: 'bare: client credentials, opaque',
    target: 0.9,
  },
  { what: 'userinfo', ours: 'duepassi: userinfo', bare: 'bare: userinfo', target: 1 },
  { what: 'introspection', ours: 'duepassi: introspection', bare: 'bare: introspection', target: 1 },
]

/** Compared with a login without the hash, of the same server. */
const ownTargets: { what: string; target: number }[] = [
  { what: 'trusted-device sign-in', target: 1 },
  { what: 'step-up', target: 1 },
]

const one = (value: number): Summary => ({ min: value, p25: value, median: value, p75: value })

export const tabulate = (found: Measurements): Row[] => {
  const cpu = (label: string): number[] => found.series[label]?.cpu ?? []
  const milliseconds = (label: string) => {
    const { min, median } = summarize(cpu(label))
    return `${min.toFixed(3)} · ${median.toFixed(3)} ms`
  }
  const row = (entry: Omit<Row, 'verdict'>): Row => ({ ...entry, verdict: judge(entry) })

  const withHash = cpu('duepassi: login')
  const share = ratios(cpu('duepassi, stubbed hash: login'), withHash).map((rest) => 1 - rest)
  const plain = 'duepassi, stubbed hash: login'
  const shareOf = (label: string) => summarize(ratios(cpu(label), cpu(plain)).map((rest) => 1 - rest))
  const megabytes = (kind: Kind) => found.coldStart[kind].idleBytes / 1e6
  const start = (kind: Kind) => found.coldStart[kind].milliseconds
  const rows = [
    row({
      what: 'share of argon2id in a login',
      bare: '',
      ours: milliseconds('duepassi: login'),
      value: summarize(share),
      unit: '',
      target: 0.85,
      sense: 'least',
    }),
    ...targets.map(({ what, ours, bare, target }) =>
      row({
        what,
        bare: milliseconds(bare),
        ours: milliseconds(ours),
        value: summarize(ratios(cpu(ours), cpu(bare))),
        control: summarize(ratios(cpu(`${bare}, again`), cpu(bare))),
        unit: '×',
        target,
        sense: 'most',
      }),
    ),
    ...ownTargets.map(({ what, target }) =>
      row({
        what: `${what} ÷ login without the hash`,
        bare: '',
        ours: milliseconds(`duepassi, stubbed hash: ${what}`),
        value: summarize(ratios(cpu(`duepassi, stubbed hash: ${what}`), cpu(plain))),
        control: summarize(ratios(cpu(`${plain}, again`), cpu(plain))),
        unit: '×',
        target,
        sense: 'most',
      }),
    ),
    row({
      what: 'context and devices, share of a login without the hash',
      bare: '',
      ours: milliseconds(plain),
      value: shareOf(`${plain} without devices`),
      control: shareOf(`${plain}, again`),
      unit: '',
      target: 0.05,
      sense: 'most',
    }),
    row({
      what: 'refresh p99 in a storm of logins',
      bare: '',
      ours: `quiet ${found.storm?.quiet.p99.toFixed(1)} ms`,
      value: one(found.storm?.stormy.p99 ?? Number.NaN),
      unit: 'ms',
      target: 25,
      sense: 'most',
    }),
    row({
      what: 'bytes per live session in Redis',
      bare: `${found.sessionBytes.bare.perSession.toFixed(0)} B`,
      ours: `${found.sessionBytes.duepassi.perSession.toFixed(0)} B`,
      value: one(found.sessionBytes.duepassi.perSession),
      unit: 'B',
      target: 640,
      sense: 'most',
    }),
    row({
      what: 'cold start',
      bare: `${start('bare').toFixed(0)} ms`,
      ours: `${start('duepassi').toFixed(0)} ms`,
      value: one(start('duepassi') / start('bare')),
      unit: '×',
      target: 1.5,
      sense: 'most',
    }),
    row({
      what: 'idle memory',
      bare: `${megabytes('bare').toFixed(0)} MB`,
      ours: `${megabytes('duepassi').toFixed(0)} MB`,
      value: one(megabytes('duepassi')),
      unit: 'MB',
      target: 120,
      sense: 'most',
    }),
  ]
  // What was left out (`--only`) has no value.
  return rows.filter(({ value }) => Number.isFinite(value.median) && value.median !== 0)
}

/** A target is reached when the median is on its side; a difference that the A/A control shows too says nothing. */
const judge = ({ value, control, target, sense, unit }: Omit<Row, 'verdict'>): Row['verdict'] => {
  const reached = sense === 'most' ? value.median <= target : value.median >= target
  if (reached) return 'reached'
  // Nothing but noise is 1 as a ratio and 0 as a share.
  const [nothing, scale] = unit === '×' ? [1, target] : [0, 1]
  const noise =
    control === undefined
      ? 0
      : Math.max(Math.abs(nothing - control.p25), Math.abs(nothing - control.p75)) * scale
  return control !== undefined && Math.abs(value.median - target) <= noise ? 'within noise' : 'not reached'
}

const digits = { '×': 2, '': 2, ms: 1, B: 0, MB: 0 } as const

export const printReport = (found: Measurements, rows: readonly Row[]): string => {
  const show = (value: number, unit: Row['unit']) =>
    `${value.toFixed(digits[unit])}${unit === '' ? '' : ` ${unit}`}`
  const band = ({ p25, p75 }: Summary) => (p25 === p75 ? '' : `${p25.toFixed(2)}–${p75.toFixed(2)}`)
  const table = [
    ['', 'bare', 'Duepassi', 'result', 'p25–p75', 'A/A', 'target', ''],
    ...rows.map((row) => [
      row.what,
      row.bare,
      row.ours,
      show(row.value.median, row.unit),
      band(row.value),
      row.control === undefined ? '' : band(row.control),
      `${row.sense === 'most' ? '≤' : '≥'} ${show(row.target, row.unit)}`,
      row.verdict,
    ]),
  ]
  const { storm, sessionBytes, requestsOfLogin, crypto } = found
  const quantiles = ({ p50, p95, p99 }: Storm['quiet']) =>
    [p50, p95, p99].map((ms) => ms.toFixed(1)).join(' / ')
  return [
    Object.entries(found.machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
    Object.entries(found.settings)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
    '',
    'CPU of server and Redis per operation: min · median over the rounds; result: median of the ratios per round.',
    layOut(table),
    '',
    `Requests of a login: bare ${requestsOfLogin.bare}, Duepassi ${requestsOfLogin.duepassi}.`,
    ...(storm
      ? [
          `Refresh p50 / p95 / p99: quiet ${quantiles(storm.quiet)} ms; during ${storm.loginsPerSecond.toFixed(0)} logins/s ${quantiles(storm.stormy)} ms.`,
        ]
      : []),
    '',
    'Redis, bytes per login (MEMORY USAGE):',
    layOut(
      (['bare', 'duepassi'] as const).flatMap((kind) =>
        sessionBytes[kind].groups.map(({ keys, perLogin, bytes, seconds, counted }) => [
          kind,
          keys,
          `${perLogin.toFixed(2)} keys`,
          `${bytes.toFixed(0)} B`,
          `for ${seconds} s`,
          counted ? 'session' : 'beside',
        ]),
      ),
    ),
    '',
    'Limits of this machine in this run, CPU per operation:',
    layOut(
      Object.entries(crypto).map(([name, us]) => [
        name,
        `${us.toFixed(us < 100 ? 1 : 0)} µs`,
        `${Math.round(1e6 / us)}/s per core`,
      ]),
    ),
  ].join('\n')
}

const layOut = (lines: readonly (readonly string[])[]): string => {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  )
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
