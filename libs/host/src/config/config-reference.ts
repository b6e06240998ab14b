import { settingsOf, writeText, type ConfigClass } from './setting.js';

/** One row of the configuration reference. */
export interface ReferenceRow {
  readonly variable: string;
  readonly mustBe: string;
  readonly describe: string;
  readonly byDefault: string | undefined;
  readonly secret: boolean;
}

/** The reference of the given classes of settings, in the order of their source. */
export function configReference(sections: readonly ConfigClass[]): readonly ReferenceRow[] {
  return sections.flatMap((section) => {
    const defaults = new section();
    return settingsOf(section).map(({ variable, mustBe, describe, byDefault, field, secret }) => ({
      variable,
      mustBe,
      describe,
      byDefault: byDefault ?? shown(Reflect.get(defaults, field)),
      secret: secret === true,
    }));
  });
}

/** The reference as a Markdown table. */
export function configReferenceMarkdown(sections: readonly ConfigClass[]): string {
  const rows = configReference(sections).map(
    ({ variable, mustBe, describe, byDefault, secret }) =>
      `| \`${variable}\`${secret ? ` (or \`${variable}_FILE\`)` : ''} | ${describe} Must be ${mustBe}. | ${byDefault === undefined ? '' : byDefault} |`,
  );
  return ['| Variable | What | Default |', '|---|---|---|', ...rows].join('\n');
}

function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) && value.length === 0 ? 'none' : `\`${writeText(value)}\``;
}
