import { createHash } from 'node:crypto';
import { css, html } from './markup.js';

/** One sheet for all pages, in the page itself: a page is one answer, and nothing else is fetched. */
const pageStyle = css`
  :root {
    color-scheme: light dark;
    --page: #f3f5f7;
    --sheet: #ffffff;
    --text: #16202a;
    --quiet: #4d5b68;
    --line: #c3ccd4;
    --edge: #6b7985;
    --accent: #0b5394;
    --on-accent: #ffffff;
    --accent-soft: #e8f1fa;
    --warn: #8a4b00;
    --warn-soft: #fdf3e3;
    --bad: #a3131b;
    --good: #17603a;
    --good-soft: #e8f5ee;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #10161c;
      --sheet: #1a232c;
      --text: #eef2f5;
      --quiet: #b3c0cb;
      --line: #3a4754;
      --edge: #8b99a6;
      --accent: #8cc4f5;
      --on-accent: #0b1a27;
      --accent-soft: #1d3245;
      --warn: #f2c27d;
      --warn-soft: #3a2c15;
      --bad: #ff9d9d;
      --good: #93d9b0;
      --good-soft: #17362a;
    }
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  body {
    margin: 0;
    font:
      1.0625rem/1.55 system-ui,
      -apple-system,
      'Segoe UI',
      Roboto,
      sans-serif;
    color: var(--text);
    background: var(--page);
    overflow-wrap: break-word;
  }
  .skip {
    position: absolute;
    left: -100vw;
    background: var(--sheet);
    color: var(--accent);
    padding: 0.75rem 1rem;
  }
  .skip:focus {
    left: 0;
  }
  main {
    max-width: 42rem;
    margin: 0 auto;
    padding: 1.5rem 1rem 3rem;
  }
  .sheet {
    background: var(--sheet);
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    padding: 1.5rem;
  }
  h1 {
    font-size: 1.5rem;
    line-height: 1.25;
    margin: 0 0 0.5rem;
  }
  h2,
  legend {
    font-size: 1.125rem;
    font-weight: 650;
    line-height: 1.3;
    margin: 0;
    padding: 0;
  }
  p {
    margin: 0.5rem 0;
  }
  .quiet {
    color: var(--quiet);
    font-size: 0.9375rem;
  }
  a {
    color: var(--accent);
  }
  .head {
    display: flex;
    gap: 1rem;
    align-items: flex-start;
  }
  .mark {
    flex: none;
    width: 3.25rem;
    height: 3.25rem;
    border-radius: 0.75rem;
    background: var(--accent-soft);
    color: var(--accent);
    display: grid;
    place-items: center;
    font-size: 1.5rem;
    font-weight: 650;
  }
  .about {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr));
    gap: 0.75rem 1.5rem;
    border-left: 0.25rem solid var(--accent);
    background: var(--accent-soft);
    border-radius: 0 0.5rem 0.5rem 0;
    padding: 0.6rem 0.9rem;
    margin: 1.25rem 0;
  }
  .about dt {
    color: var(--quiet);
    font-size: 0.9375rem;
  }
  .about dd {
    margin: 0;
  }
  .about strong {
    display: block;
    font-size: 1.0625rem;
  }
  fieldset {
    border: 0;
    margin: 1.75rem 0 0;
    padding: 0;
    min-width: 0;
  }
  .rows {
    list-style: none;
    margin: 0.5rem 0 0;
    padding: 0;
    border-top: 1px solid var(--line);
  }
  .rows > li {
    border-bottom: 1px solid var(--line);
    padding: 0.8rem 0;
  }
  .choice {
    display: grid;
    grid-template-columns: 1.5rem 1fr auto;
    gap: 0.1rem 0.75rem;
    align-items: start;
    cursor: pointer;
  }
  .choice input {
    width: 1.5rem;
    height: 1.5rem;
    margin: 0;
    accent-color: var(--accent);
  }
  .choice .name {
    font-weight: 600;
  }
  .choice .detail {
    grid-column: 2 / -1;
    color: var(--quiet);
    font-size: 0.9375rem;
  }
  .tag {
    align-self: center;
    font-size: 0.8125rem;
    line-height: 1.2;
    padding: 0.2rem 0.5rem;
    border-radius: 1rem;
    background: var(--accent-soft);
    color: var(--accent);
    white-space: nowrap;
  }
  .tag.alters {
    background: var(--warn-soft);
    color: var(--warn);
  }
  .parts {
    margin: 0.6rem 0 0 2.25rem;
    padding: 0.6rem 0.9rem;
    border: 1px dashed var(--edge);
    border-radius: 0.5rem;
  }
  .parts ul {
    list-style: none;
    margin: 0.4rem 0 0;
    padding: 0;
  }
  .parts li {
    padding: 0.3rem 0;
  }
  .rows > li:has(> .choice input:checked) > .parts {
    display: none;
  }
  .hint {
    display: none;
    margin: 0.2rem 0 0 2.25rem;
    color: var(--quiet);
    font-size: 0.875rem;
  }
  .rows > li:has(> .choice input:checked) > .hint {
    display: block;
  }
  .parts .name {
    font-weight: 400;
  }
  .caution {
    border-left: 0.25rem solid var(--warn);
    background: var(--warn-soft);
    color: var(--warn);
    border-radius: 0 0.5rem 0.5rem 0;
    padding: 0.5rem 0.9rem;
  }
  .done {
    border-left: 0.25rem solid var(--good);
    background: var(--good-soft);
    border-radius: 0 0.5rem 0.5rem 0;
    padding: 0.6rem 0.9rem;
    margin: 1rem 0;
  }
  .done h2 {
    color: var(--good);
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 0.75rem;
    margin: 2rem 0 1.25rem;
  }
  button {
    font: inherit;
    font-weight: 600;
    min-height: 2.75rem;
    padding: 0.5rem 1.5rem;
    border-radius: 0.5rem;
    border: 1px solid var(--accent);
    background: var(--sheet);
    color: var(--accent);
    cursor: pointer;
  }
  button.main {
    background: var(--accent);
    color: var(--on-accent);
  }
  button.away {
    border-color: var(--bad);
    color: var(--bad);
  }
  .actions button {
    flex: 1 1 10rem;
  }
  :focus-visible {
    outline: 3px solid var(--warn);
    outline-offset: 2px;
  }
  .links {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem 1.25rem;
  }
  .links a {
    display: inline-block;
    padding: 0.25rem 0;
  }
  .card {
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    padding: 1.1rem 1.25rem;
    margin: 1rem 0 0;
    background: var(--sheet);
  }
  .card ul {
    margin: 0.5rem 0;
    padding-left: 1.25rem;
  }
  .facts {
    margin: 0.5rem 0 1rem;
    color: var(--quiet);
    font-size: 0.9375rem;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem 1rem;
    justify-content: space-between;
    align-items: center;
  }
  @media (max-width: 30rem) {
    main {
      padding: 0;
    }
    .sheet {
      border-width: 0 0 1px;
      border-radius: 0;
      padding: 1.25rem 1rem;
    }
    .choice .tag {
      grid-column: 2;
      justify-self: start;
    }
  }
`;

/** The sheet as it stands in a page. */
export const styleElement = html`<style>
  ${pageStyle}
</style>`;

// Of what stands between the tags, to the last space: so says CSP Level 3, section 6.7.3.3.
const styleHash = createHash('sha256')
  .update(styleElement.toString().slice('<style>'.length, -'</style>'.length))
  .digest('base64');

/**
 * The Content-Security-Policy of a page: its own style, images of ours, forms that come back here, no script, no frame.
 * Browsers hold the redirects that follow a form to `form-action` too, so it names the origin to which the form leads.
 *
 * @param leadsTo an absolute URI, such as the redirect URI of the application; a private-use scheme is named as such
 */
export function pagePolicy(leadsTo?: string): string {
  const uri = leadsTo !== undefined && URL.canParse(leadsTo) ? new URL(leadsTo) : undefined;
  const away = uri === undefined ? '' : ` ${uri.origin === 'null' ? uri.protocol : uri.origin}`;
  return `default-src 'none'; style-src 'sha256-${styleHash}'; img-src 'self'; form-action 'self'${away}; frame-ancestors 'none'; base-uri 'none'`;
}
