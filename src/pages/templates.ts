import { readdirSync, readFileSync } from 'node:fs'
import ejs from 'ejs'

/** What a template may use: everything is on `it`. */
export interface TemplateLocals {
  [name: string]: unknown
}

/** Renders the view named `name`, such as `interaction/login`. */
export type Template = (name: string, locals: TemplateLocals) => string

/** Compiles every `.ejs` below the folder, once: a broken view stops the start, not a sign-in. */
export function loadTemplates(views: URL): Template {
  const templates = new Map<string, (locals: TemplateLocals) => string>()
  for (const path of readdirSync(views, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ejs')) continue
    const name = path.slice(0, -'.ejs'.length).replaceAll('\\', '/')
    const source = readFileSync(new URL(path, views), 'utf8')
    // In strict mode a template reaches nothing but `it`; without it EJS runs it inside `with`.
    templates.set(name, ejs.compile(source, { strict: true, localsName: 'it', filename: name }))
  }
  return (name, locals) => {
    const template = templates.get(name)
    if (!template) throw new Error(`no view ${name}`)
    return template(locals)
  }
}
