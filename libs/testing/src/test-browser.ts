/** A browser without a screen: it keeps cookies, follows redirects where a test says so, and posts forms. */
export interface TestBrowser {
  /** One request, not followed. */
  go(url: string, init?: RequestInit): Promise<Response>;
  /** Follows redirects until there is a page, or until one leads to a URL that starts with `until`: that one then. */
  follow(
    url: string,
    until: string,
  ): Promise<{ readonly url: string; readonly page?: string; readonly status: number }>;
  /** Posts a form and follows likewise. */
  post(
    url: string,
    fields: readonly (readonly [name: string, value: string])[],
    until: string,
  ): ReturnType<TestBrowser['follow']>;
}

/** What a cookie is kept by: sent to its path and below. */
interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

/** A browser without any cookie. */
export function testBrowser(): TestBrowser {
  const jar = new Map<string, Cookie>();

  const cookieHeader = (url: URL) =>
    [...jar.values()]
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  const keep = (url: URL, response: Response) => {
    for (const text of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = text.split(';').map((part) => part.trim());
      const [name = '', ...value] = pair.split('=');
      const attribute = (wanted: string) =>
        attributes.find((it) => it.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const path = attribute('path') ?? url.pathname;
      const gone = attribute('max-age') === '0' || Date.parse(attribute('expires') ?? '') < Date.now();
      const key = `${url.host} ${path} ${name}`;
      if (gone) jar.delete(key);
      else jar.set(key, { name, value: value.join('='), path });
    }
  };

  const go: TestBrowser['go'] = async (address, init = {}) => {
    const url = new URL(address);
    const headers = new Headers(init.headers);
    const cookies = cookieHeader(url);
    if (cookies !== '') headers.set('cookie', cookies);
    const response = await fetch(url, { redirect: 'manual', ...init, headers });
    keep(url, response);
    return response;
  };

  const settle = async (address: string, first: Response, until: string): ReturnType<TestBrowser['follow']> => {
    let [url, response] = [address, first];
    for (let hops = 0; response.status >= 300 && response.status < 400; hops++) {
      if (hops > 20) throw new Error(`too many redirects, the last to ${url}`);
      await response.body?.cancel();
      url = new URL(response.headers.get('location') ?? '', url).href;
      if (url.startsWith(until)) return { url, status: response.status };
      response = await go(url);
    }
    return { url, status: response.status, page: await response.text() };
  };

  return {
    go,
    follow: async (url, until) => settle(url, await go(url), until),
    post: async (url, fields, until) => {
      const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]));
      return settle(url, await go(url, { method: 'POST', body }), until);
    },
  };
}
