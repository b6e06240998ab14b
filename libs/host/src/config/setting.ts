import 'reflect-metadata';

/** What one environment variable is: shown in faults and in the configuration reference. */
export interface SettingOptions {
  /** Completes the sentence "NAME must be …". */
  readonly mustBe: string;
  /** One sentence for the configuration reference. */
  readonly describe: string;
  /** Never printed; may also be given as a file named by `NAME_FILE`. */
  readonly secret?: boolean;
  /** What the reference shows as default where a field's initial value does not say it. */
  readonly byDefault?: string;
}

export type SettingKind = 'text' | 'number' | 'flag' | 'list';

/** A setting as declared: the variable, the field it fills and how its text is read. */
export interface SettingDeclaration extends SettingOptions {
  readonly variable: string;
  readonly field: string;
  readonly kind: SettingKind;
}

/** One fault found in the environment. `given` is absent where nothing was given, and never a secret. */
export interface ConfigFault {
  readonly variable: string;
  readonly mustBe: string;
  readonly given?: string;
}

/** The service whose configuration is read: its default port differs from one to the next. */
export interface ServiceIdentity {
  readonly name: string;
  readonly defaultPort: number;
}

/**
 * A class of settings. `complete` fills what follows from other settings before validation; `faults`
 * gives what no single field can say. Both see fields that may be invalid or unset.
 */
export interface ConfigSection {
  complete?(service: ServiceIdentity, base: object): void;
  faults?(base: object): readonly ConfigFault[];
}

export type ConfigClass<T extends object = object> = new () => T;

const declarations = new Map<ConfigClass, SettingDeclaration[]>();

const kinds = new Map<unknown, SettingKind>([
  [String, 'text'],
  [Number, 'number'],
  [Boolean, 'flag'],
  [Array, 'list'],
]);

/**
 * Fills the field from the environment variable: text as it stands, a number, a flag (`1`, `true`, `0`,
 * `false`) or a list separated by commas, by the field's declared type. class-validator's decorators
 * beside it say what is valid; the field's initial value is its default.
 *
 * @example
 * class ApprovalConfig {
 *   \@Setting('APPROVAL_REVIEW_DAYS', { mustBe: 'a number of days from 1 to 30', describe: 'Days until a review is due.' })
 *   \@IsInt() \@Min(1) \@Max(30)
 *   reviewDays: number = 5;
 * }
 */
export function Setting(variable: string, options: SettingOptions): PropertyDecorator {
  return (target, field) => {
    const type: unknown = Reflect.getMetadata('design:type', target, field);
    const kind = kinds.get(type);
    if (kind === undefined) throw new Error(`${variable}: declare its field as string, number, boolean or string[]`);
    const owner = target.constructor as ConfigClass;
    const list = declarations.get(owner) ?? [];
    list.push({ ...options, variable, field: String(field), kind });
    declarations.set(owner, list);
  };
}

/** The settings of a class, in the order of its source. */
export function settingsOf(section: ConfigClass): readonly SettingDeclaration[] {
  return declarations.get(section) ?? [];
}

/** A setting's value as its variable would be written. */
export function writeText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  return Array.isArray(value) ? value.map(writeText).join(',') : JSON.stringify(value);
}

/** Reads a setting's text as its kind. What cannot be read stays text, for the validator to refuse. */
export function readText(kind: SettingKind, text: string): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'flag':
      return text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : text;
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
  }
}
