import { createHash } from 'node:crypto';

const style = `
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem; margin-top: .25rem; border: 1px solid #595959; border-radius: .25rem; }
button { margin-top: 1.5rem; background: #0b4f8a; color: #fff; border-color: #0b4f8a; }
:focus-visible { outline: 3px solid #b35900; outline-offset: 2px; }
[role=alert] { border-left: .3rem solid #a40000; padding: .25rem .75rem; color: #a40000; }
`;

/** What the page says and where it leads. */
export interface LoginPage {
  /** Who asks the person to sign in. */
  readonly clientName: string;
  /** Where the form is posted. */
  readonly action: string;
  /** What was typed before. */
  readonly email: string;
  /** Why the person is asked again. */
  readonly fault?: string;
}

/** The page, without any script. */
export function loginPage({ clientName, action, email, fault }: LoginPage): string {
  const described = fault === undefined ? '' : ' aria-invalid="true" aria-describedby="fault"';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${fault === undefined ? '' : 'Error: '}Sign in – Gatehouse sandbox</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Sign in</h1>
<p>${escape(clientName)} asks you to sign in to the sandbox's directory.</p>
${fault === undefined ? '' : `<p role="alert" id="fault">${escape(fault)}</p>`}
<form method="post" action="${escape(action)}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${escape(email)}"${described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${described}>
<button type="submit">Sign in</button>
</form>
<p>For development: <code>dev@example.org</code>, <code>reviewer@example.org</code>, <code>operator@example.org</code>,
<code>patient-01@example.org</code> and the others, each with the password <code>gatehouse</code>.</p>
</main>
</body>
</html>
`;
}

/**
 * The page's Content-Security-Policy. Browsers hold the redirects that follow a form to `form-action` too, so it
 * names the origin to which the person goes back.
 */
export function loginPagePolicy(redirectUri: string | undefined): string {
  const hash = createHash('sha256').update(style).digest('base64');
  const back = redirectUri !== undefined && URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  const origin = back === undefined ? '' : ` ${back.origin === 'null' ? back.protocol : back.origin}`;
  return `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'${origin}; frame-ancestors 'none'; base-uri 'none'`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
