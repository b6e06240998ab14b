import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 38rem; margin: 2rem auto; padding: 0 1rem; }
fieldset { border: 1px solid; border-radius: .25rem; margin: 1rem 0; padding: .5rem 1rem; }
label { display: block; padding: .35rem 0; }
ul { padding-left: 1.25rem; }
button { font: inherit; min-height: 2.75rem; padding: .4rem 1rem; margin: .5rem .5rem .5rem 0; }
img { max-height: 4rem; max-width: 12rem; }
:focus-visible { outline: 3px solid; outline-offset: 2px; }
[role=alert] { border-left: .3rem solid; padding: .25rem .75rem; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

/** A page as it leaves: the HTML, and the Content-Security-Policy that it needs. */
export interface RenderedPage {
  readonly html: string;
  readonly policy: string;
}

/** Text as it may stand in HTML, in an attribute too. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * A whole document, without any script.
 *
 * @param leadsTo where forms of the page lead in the end: browsers hold redirects that follow a form to `form-action`
 */
export function document(title: string, body: string, leadsTo?: string): RenderedPage {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`;
  return { html, policy: policyOf(leadsTo) };
}

function policyOf(leadsTo: string | undefined): string {
  const back = leadsTo !== undefined && URL.canParse(leadsTo) ? new URL(leadsTo) : undefined;
  const origin = back === undefined ? '' : ` ${back.origin === 'null' ? back.protocol : back.origin}`;
  return [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "img-src 'self'",
    `form-action 'self'${origin}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}
