import { escapeText, sandboxPage } from '../sandbox-page.js';

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
  return sandboxPage(
    `${fault === undefined ? '' : 'Error: '}Sign in`,
    `<h1>Sign in</h1>
<p>${escapeText(clientName)} asks you to sign in to the sandbox's directory.</p>
${fault === undefined ? '' : `<p role="alert" id="fault">${escapeText(fault)}</p>`}
<form method="post" action="${escapeText(action)}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${escapeText(email)}"${described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${described}>
<button type="submit">Sign in</button>
</form>
<p>For development: <code>dev@example.org</code>, <code>reviewer@example.org</code>, <code>operator@example.org</code>,
<code>patient-01@example.org</code> and the others, each with the password <code>gatehouse</code>.</p>`,
  );
}
