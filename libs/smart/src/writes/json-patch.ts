import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../definitions/element-values.js';

/** One operation of a JSON Patch (RFC 6902 §4), its pointers taken apart. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly path: Pointer; readonly from: Pointer };

type Pointer = readonly string[];

/** Bounds on what is applied at all. */
const MOST = { operations: 100, copiedBytes: 1_000_000 } as const;

/** The patch cannot be applied. `test`: an operation `test` found another value. */
export class PatchFailed extends Error {
  override readonly name = 'PatchFailed';
  constructor(
    readonly why: 'malformed' | 'no-such-place' | 'test' | 'too-large',
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads a JSON Patch. Members that RFC 6902 does not know are ignored, as it says.
 *
 * @throws PatchFailed
 */
export function readJsonPatch(value: unknown): readonly PatchOperation[] {
  if (!Array.isArray(value) || value.length === 0) throw malformed('a JSON Patch is a list of operations');
  if (value.length > MOST.operations)
    throw new PatchFailed('too-large', `a JSON Patch has at most ${MOST.operations} operations`);
  return (value as readonly unknown[]).map((each, index) => {
    if (!isObject(each)) throw malformed(`operation ${index} is not an object`);
    const { op } = each;
    const path = pointerIn(each['path'], index);
    switch (op) {
      case 'add':
      case 'replace':
      case 'test':
        if (!Object.hasOwn(each, 'value')) throw malformed(`operation ${index} has no value`);
        return { op, path, value: each['value'] };
      case 'remove':
        return { op, path };
      case 'move':
      case 'copy':
        return { op, path, from: pointerIn(each['from'], index) };
      default:
        throw malformed(`operation ${index} is none of RFC 6902`);
    }
  });
}

/** A JSON Pointer (RFC 6901). The whole document is not replaced: it would be another resource. */
function pointerIn(text: unknown, index: number): Pointer {
  if (typeof text !== 'string' || !/^(\/([^~/]|~[01])+)+$/u.test(text))
    throw malformed(`operation ${index} has a pointer that names no element`);
  const steps = text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (steps.includes('__proto__')) throw malformed(`operation ${index} has a pointer that names no element`);
  return steps;
}

/**
 * Applies a patch: all of it, or nothing. What it is applied to stays as it is.
 *
 * @throws PatchFailed
 */
export function applyJsonPatch<T extends object>(target: T, patch: readonly PatchOperation[]): unknown {
  let copied = 0;
  let result: unknown = target;
  for (const it of patch) {
    switch (it.op) {
      case 'add':
        result = changed(result, it.path, (at, step) => added(at, step, it.value));
        break;
      case 'remove':
        result = changed(result, it.path, without);
        break;
      case 'replace':
        result = changed(result, it.path, (at, step) => replaced(at, step, it.value));
        break;
      case 'test':
        if (!isSame(valueAt(result, it.path), it.value)) throw new PatchFailed('test', 'a test of the patch failed');
        break;
      case 'copy': {
        const value = valueAt(result, it.from);
        // What is copied into itself over and over would double each time.
        copied += JSON.stringify(value).length;
        if (copied > MOST.copiedBytes) throw new PatchFailed('too-large', 'the patch copies too much');
        result = changed(result, it.path, (at, step) => added(at, step, value));
        break;
      }
      case 'move': {
        const value = valueAt(result, it.from);
        if (it.from.every((step, index) => step === it.path[index]) && it.path.length > it.from.length)
          throw malformed('a value cannot be moved into itself');
        result = changed(changed(result, it.from, without), it.path, (at, step) => added(at, step, value));
        break;
      }
      default:
        it satisfies never;
    }
  }
  return result;
}

type Container = Readonly<Record<string, unknown>> | readonly unknown[];

/** The document with the container that holds the pointer's last step changed; all others are shared. */
function changed(
  document: unknown,
  [step = '', ...rest]: Pointer,
  change: (at: Container, step: string) => Container,
): unknown {
  const at = containerOf(document);
  if (rest.length === 0) return change(at, step);
  return replaced(at, step, changed(childOf(at, step), rest, change));
}

function valueAt(document: unknown, path: Pointer): unknown {
  return path.reduce<unknown>((at, step) => childOf(containerOf(at), step), document);
}

function containerOf(value: unknown): Container {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (isObject(value) && !JSON.isRawJSON(value)) return value;
  throw nothingThere();
}

function childOf(at: Container, step: string): unknown {
  if (Array.isArray(at)) return (at as readonly unknown[])[indexIn(step, at.length - 1)];
  if (!Object.hasOwn(at, step)) throw nothingThere();
  return Reflect.get(at, step);
}

function added(at: Container, step: string, value: unknown): Container {
  if (!Array.isArray(at)) return { ...at, [step]: value };
  return (at as readonly unknown[]).toSpliced(step === '-' ? at.length : indexIn(step, at.length), 0, value);
}

function replaced(at: Container, step: string, value: unknown): Container {
  childOf(at, step);
  if (!Array.isArray(at)) return { ...at, [step]: value };
  return (at as readonly unknown[]).with(Number(step), value);
}

function without(at: Container, step: string): Container {
  childOf(at, step);
  if (!Array.isArray(at)) return Object.fromEntries(Object.entries(at).filter(([name]) => name !== step));
  return (at as readonly unknown[]).toSpliced(Number(step), 1);
}

function indexIn(step: string, most: number): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(step) || Number(step) > most) throw nothingThere();
  return Number(step);
}

/** Equal by RFC 6902 §4.6: numbers by value, whatever their digits. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function malformed(message: string): PatchFailed {
  return new PatchFailed('malformed', message);
}

function nothingThere(): PatchFailed {
  return new PatchFailed('no-such-place', 'the patch names an element that is not there');
}
