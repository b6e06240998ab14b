/** Scripts whose letters stand in names; a letter of another counts as a script of its own. */
const scripts: readonly (readonly [name: string, letter: RegExp])[] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
  ['Han', /\p{Script=Han}/u],
  ['Hiragana', /\p{Script=Hiragana}/u],
  ['Katakana', /\p{Script=Katakana}/u],
  ['Hangul', /\p{Script=Hangul}/u],
  ['Bopomofo', /\p{Script=Bopomofo}/u],
  ['Arabic', /\p{Script=Arabic}/u],
  ['Hebrew', /\p{Script=Hebrew}/u],
  ['Devanagari', /\p{Script=Devanagari}/u],
  ['Bengali', /\p{Script=Bengali}/u],
  ['Tamil', /\p{Script=Tamil}/u],
  ['Thai', /\p{Script=Thai}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Georgian', /\p{Script=Georgian}/u],
  ['Ethiopic', /\p{Script=Ethiopic}/u],
];

/** Scripts that are written together: UTS #39 §5.2, Highly Restrictive. */
const writtenTogether: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
];

/** Letters of Cyrillic and Greek that a reader takes for Latin ones (from confusables.txt of UTS #39). */
const takenForLatin = new Set('аеіјорсуһѕԁԛԝхӏАВЕЅІЈКМНОРСТХҮԌԚԜοαινυρκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ');

/**
 * What is wrong with an application's name, in words for the person who chose it; undefined when nothing is. People
 * decide by this name whom they let at their data, so it must not show itself as another (security.md, Registration;
 * UTS #39).
 */
export function faultOfName(name: string): string | undefined {
  if (name.trim() !== name || name === '') return 'must not be empty, nor begin or end with a space';
  if (/\p{Bidi_Control}/u.test(name)) return 'must not contain characters that change the direction of text';
  // Format characters (zero-width joiners and the like), controls, line breaks, unassigned and private ones.
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return 'must not contain control or invisible characters';
  if (/[^\P{Zs} ]/u.test(name)) return 'must have plain spaces only';
  if (/ {2}/.test(name)) return 'must not have two spaces in a row';
  if (/\p{Default_Ignorable_Code_Point}|\p{M}{4}/u.test(name)) return 'must not contain invisible or stacked marks';
  if (!/[\p{L}\p{N}]/u.test(name)) return 'must contain a letter or a digit';
  const letters = [...name.normalize('NFC')].filter((each) => /[\p{L}\p{N}]/u.test(each));
  if (letters.some((each) => each.normalize('NFKC') !== each)) {
    return 'must be written in ordinary letters and digits, not in styled or full-width forms';
  }
  const used = new Set(letters.filter((each) => /\p{L}/u.test(each)).map(scriptOf));
  used.delete('Common');
  if (used.size > 1 && !writtenTogether.some((together) => [...used].every((script) => together.has(script)))) {
    return `must not mix letters of different scripts (${[...used].sort().join(', ')})`;
  }
  const alphabetic = letters.filter((each) => /\p{L}/u.test(each));
  if (alphabetic.length > 0 && alphabetic.every((each) => takenForLatin.has(each))) {
    return 'must not look like Latin letters in another script';
  }
  return undefined;
}

function scriptOf(letter: string): string {
  if (/\p{Script=Common}|\p{Script=Inherited}/u.test(letter)) return 'Common';
  return scripts.find(([, of]) => of.test(letter))?.[0] ?? 'another';
}
