/** Which methods each route has, to tell 405 from 404 (RFC 9110 §15.5.6). */
export class RouteTable {
  private readonly routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** Adds a route in find-my-way's syntax. A route that is all wildcard says nothing about what exists. */
  add(method: string | readonly string[], url: string): void {
    if (url === '*' || url === '/*') return;
    const pattern = url
      .split('/')
      .map((part) =>
        part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/');
    this.routes.push({ pattern: new RegExp(`^${pattern}$`), methods: typeof method === 'string' ? [method] : method });
  }

  /** The methods that a path supports, sorted; empty if there is no such path. */
  methodsAt(path: string): readonly string[] {
    const methods = new Set(this.routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods));
    return [...methods].sort();
  }
}
