/** The value of a cookie in a `Cookie` header; undefined when it is not there, or twice. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

/** A `Set-Cookie` value: for this host alone, not for scripts, and not sent with what other sites post. */
export function setCookie(
  name: string,
  value: string,
  { maxAge, secure, path }: { readonly maxAge: number; readonly secure: boolean; readonly path: string },
): string {
  return `${name}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
