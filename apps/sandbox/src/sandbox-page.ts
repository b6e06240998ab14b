import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #595959; --accent: #0b4f8a; --on-accent: #fff; --fault: #a40000; --focus: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #161616; --line: #9a9a9a; --accent: #8cc4f5; --on-accent: #10202e; --fault: #ff9a9a; --focus: #ffb454; } }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 0 auto; padding: 3rem 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; line-height: 1.25; margin-top: 0; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input, select, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem; margin-top: .25rem; color: inherit; background: inherit; border: 1px solid var(--line); border-radius: .25rem; }
button { margin-top: 1.5rem; background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
[role=alert] { border-left: .3rem solid var(--fault); padding: .25rem .75rem; color: var(--fault); }
.hint { margin: .25rem 0 0; font-size: .95rem; }
`;

/** A page of the sandbox, without any script: what is in its title, and its main part as HTML. */
export function sandboxPage(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)} – Gatehouse sandbox</title>
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

/**
 * The Content-Security-Policy of such a page. Browsers hold the redirects that follow a form to `form-action` too, so it
 * names the origins to which a form may lead.
 */
export function sandboxPagePolicy(leadsTo: readonly string[]): string {
  const hash = createHash('sha256').update(style).digest('base64');
  const origins = leadsTo.flatMap((uri) => {
    const at = URL.canParse(uri) ? new URL(uri) : undefined;
    return at === undefined ? [] : [at.origin === 'null' ? at.protocol : at.origin];
  });
  const action = ["'self'", ...new Set(origins)].join(' ');
  return `default-src 'none'; style-src 'sha256-${hash}'; form-action ${action}; frame-ancestors 'none'; base-uri 'none'`;
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
