/** The parts of a browser that the pages of the tests' provider need: cookies, redirects, forms. */

/** A form and redirect more than any of its ways has. */
const MOST_STEPS = 15;

export class Browser {
  private readonly cookies = new Map<string, string>();

  /** Sends every form that it is shown, its fields filled in from `values`. Gives back the page that has none. */
  async fill(address: string, values: Readonly<Record<string, string>>): Promise<string> {
    let page = await this.get(address);
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const form = formIn(page.text);
      if (!form) return page.text;
      const fields = new URLSearchParams(form.fields);
      for (const [name, value] of Object.entries(values)) {
        if (form.names.has(name)) fields.set(name, value);
      }
      page = await this.get(new URL(form.action, page.address).href, fields);
    }
    throw new Error('the forms do not come to an end');
  }

  private async get(address: string, body?: URLSearchParams): Promise<{ address: string; text: string }> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(address, {
      redirect: 'manual',
      headers: { cookie },
      ...(body && { method: 'POST', body }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location) return this.get(new URL(location, address).href);
    return { address, text: await answer.text() };
  }
}

interface Form {
  readonly action: string;
  readonly fields: Record<string, string>;
  /** Also those that are empty. */
  readonly names: ReadonlySet<string>;
}

function formIn(html: string): Form | undefined {
  const action = /<form[^>]*\baction="([^"]+)"/.exec(html)?.[1];
  if (action === undefined) return undefined;
  const fields: Record<string, string> = {};
  const names = new Set<string>();
  for (const [tag] of html.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name === undefined) continue;
    names.add(name);
    const value = attribute(tag, 'value');
    if (value !== undefined && tag.startsWith('<input')) fields[name] = value;
  }
  return { action, fields, names };
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
}
