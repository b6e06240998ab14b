import { type ConfigClass, configClassesOf, configReferenceMarkdown, type ServicePart } from '#host';

/**
 * docs/configuration.md: every setting of every app, from the classes that validate them at the start.
 *
 * @param apps what each app needs to run alone
 */
export function configurationPage(apps: readonly ServicePart[]): string {
  const everywhere = configClassesOf({ name: 'any', defaultPort: 0 });
  const own = apps.map((app) => ({ name: app.name, classes: withoutThose(configClassesOf(app), everywhere) }));
  return [
    '# Configuration',
    '',
    'Made by `npm run configuration` from the code that validates it at the start.',
    '',
    'Settings are environment variables. A secret may stand in a file instead, which `…_FILE` names. A start lists everything that is',
    'wrong at once, ends with 2 and has started nothing; `npm run -s start:token -- --print-config` shows what is in force, without secrets.',
    'The one process takes the settings of all apps.',
    ...section('Every app', everywhere),
    ...own.filter(({ classes }) => classes.length > 0).flatMap(({ name, classes }) => section(name, classes)),
    '',
  ].join('\n');
}

function withoutThose(classes: readonly ConfigClass[], those: readonly ConfigClass[]): readonly ConfigClass[] {
  return classes.filter((each) => !those.includes(each));
}

function section(title: string, classes: readonly ConfigClass[]): readonly string[] {
  return ['', `## ${title}`, '', configReferenceMarkdown(classes)];
}
