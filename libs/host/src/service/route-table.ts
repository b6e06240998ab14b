/** Which methods each route has, to tell 405 from 404 (RFC 9110 §15.5.6). */
export class RouteTable {
  private readonly routes: { readonly url: string; readonly pattern: RegExp; readonly methods: readonly string[] }[] =
    [];

  /** Adds a route in find-my-way's syntax. A route that is all wildcard says nothing about what exists. */
  add(method: string | readonly string[], url: string): void {
    if (url === '*' || url === '/*') return;
    const pattern = url
      .split('/')
      .map((part) =>
        part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/');
    const methods = typeof method === 'string' ? [method] : method;
    this.routes.push({ url, pattern: new RegExp(`^${pattern}$`), methods });
  }

  /** The methods that a path supports, sorted; empty if there is no such path. */
  methodsAt(path: string): readonly string[] {
    return [...new Set(this.at(path).map(({ method }) => method))].sort();
  }

  /** Each route that a path has, by method and its URL in find-my-way's syntax; empty if there is no such path. */
  at(path: string): readonly { readonly method: string; readonly url: string }[] {
    return this.routes
      .filter(({ pattern }) => pattern.test(path))
      .flatMap(({ url, methods }) => methods.map((method) => ({ method, url })));
  }
}
