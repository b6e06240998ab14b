import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { BaseConfig } from './base-config.js';
import {
  readText,
  settingsOf,
  writeText,
  type ConfigClass,
  type ConfigFault,
  type ConfigSection,
  type ServiceIdentity,
} from './setting.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every fault of the environment at once; the process ends with exit code 2 and has started nothing. */
export class ConfigError extends Error {
  readonly code = 'ERR_CONFIG';
  constructor(readonly faults: readonly ConfigFault[]) {
    super(
      [`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}; nothing was started.`]
        .concat(faults.map((fault) => `  ${describeFault(fault)}`))
        .join('\n'),
    );
    this.name = 'ConfigError';
  }
}

/** The validated configuration of a service: one instance per class, and what was set. */
export class LoadedConfig {
  constructor(private readonly instances: ReadonlyMap<ConfigClass, object>) {}

  /** The instance of a class of settings. Throws for a class that the service did not name. */
  get<T extends object>(section: ConfigClass<T>): T {
    const instance = this.instances.get(section);
    if (!(instance instanceof section))
      throw new Error(`${section.name} is not among this service's configuration classes`);
    return instance;
  }

  /** All instances, by class. */
  sections(): ReadonlyMap<ConfigClass, object> {
    return this.instances;
  }

  /** `NAME=value` lines without secrets, for `--print-config`. */
  print(): string {
    const lines: string[] = [];
    const shown = new Set<string>();
    for (const [section, instance] of this.instances) {
      for (const { variable, field, secret } of settingsOf(section)) {
        // Two services of one process may read the same variable, each for itself.
        if (shown.has(variable)) continue;
        shown.add(variable);
        const value: unknown = Reflect.get(instance, field);
        if (value === undefined) lines.push(`# ${variable} is not set`);
        else if (secret === true) lines.push(`# ${variable} is set and not shown`);
        else lines.push(`${variable}=${writeText(value)}`);
      }
    }
    return lines.join('\n');
  }
}

/**
 * Reads and validates the environment into instances of `BaseConfig` and of the given classes.
 * Throws a `ConfigError` that lists every fault, with the variable's name, what it must be and what was
 * given (never a secret's value). An empty variable counts as not set.
 */
export function loadConfig(
  service: ServiceIdentity,
  sections: readonly ConfigClass[],
  environment: Environment,
): LoadedConfig {
  return loadSections(service, [BaseConfig, ...sections], environment);
}

/**
 * As `loadConfig`, for a program that starts no service: of the settings that every service shares it needs none.
 */
export function loadSections(
  service: ServiceIdentity,
  sections: readonly ConfigClass[],
  environment: Environment,
): LoadedConfig {
  const faults: ConfigFault[] = [];
  const instances = new Map<ConfigClass, object>();
  const base = read(BaseConfig, environment, sections.includes(BaseConfig) ? faults : []);
  for (const section of new Set(sections)) {
    const instance: ConfigSection & object = section === BaseConfig ? base : read(section, environment, faults);
    instance.complete?.(service, base);
    validateFields(section, instance, faults);
    const known = new Set(faults.map((fault) => fault.variable));
    for (const fault of instance.faults?.(base) ?? []) if (!known.has(fault.variable)) faults.push(fault);
    instances.set(section, instance);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return new LoadedConfig(instances);
}

function read<T extends object>(section: ConfigClass<T>, environment: Environment, faults: ConfigFault[]): T {
  const plain: Record<string, unknown> = {};
  for (const { variable, field, kind, secret, mustBe } of settingsOf(section)) {
    const text = textOf(variable, secret === true, mustBe, environment, faults);
    if (text !== undefined) plain[field] = readText(kind, text);
  }
  return plainToInstance(section, plain, { exposeDefaultValues: true });
}

function textOf(
  variable: string,
  secret: boolean,
  mustBe: string,
  environment: Environment,
  faults: ConfigFault[],
): string | undefined {
  const text = environment[variable]?.trim();
  const direct = text === '' ? undefined : text;
  const path = secret ? environment[`${variable}_FILE`] : undefined;
  if (path === undefined || path === '') return direct;
  if (direct !== undefined) {
    faults.push({ variable, mustBe: `given once: as ${variable} or as ${variable}_FILE, not both` });
    return undefined;
  }
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const reason = types.isNativeError(error) && 'code' in error ? String(error.code) : 'unreadable';
    faults.push({
      variable: `${variable}_FILE`,
      mustBe: `the path of a readable file that holds ${mustBe} (${reason})`,
      given: path,
    });
    return undefined;
  }
}

function validateFields(section: ConfigClass, instance: object, faults: ConfigFault[]): void {
  const bad = new Set(validateSync(instance).map((error) => error.property));
  for (const { variable, field, secret, mustBe } of settingsOf(section)) {
    if (!bad.has(field) || faults.some((fault) => fault.variable === variable || fault.variable === `${variable}_FILE`))
      continue;
    const value: unknown = Reflect.get(instance, field);
    if (value === undefined) faults.push({ variable, mustBe });
    else faults.push({ variable, mustBe, given: secret === true ? '(a secret, not shown)' : writeText(value) });
  }
}

function describeFault(fault: ConfigFault): string {
  return `${fault.variable} must be ${fault.mustBe}; ${fault.given === undefined ? 'it is not set' : `given: ${fault.given}`}`;
}
