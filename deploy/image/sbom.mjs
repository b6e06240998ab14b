/**
 * Prints the CycloneDX bill of materials of what is installed here: every package of package-lock.json that is no development
 * dependency and whose folder is there. It begins with what `npm sbom` says of the whole lock file, since with `--omit=dev` npm leaves
 * out what development dependencies need, too (npm 11: pg-protocol, rxjs and 30 more).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * @typedef {{ 'bom-ref': string, name: string, version: string }} Component
 * @typedef {{ ref: string, dependsOn?: string[] }} Dependency
 * @typedef {{ metadata: { component: Component }, components: Component[], dependencies: Dependency[] }} Bom
 * @typedef {{ name?: string, version?: string, dev?: boolean, link?: boolean }} LockedPackage
 */

const lock = /** @type {{ packages: Record<string, LockedPackage> }} */ (
  JSON.parse(readFileSync('package-lock.json', 'utf8'))
);
const FOLDER = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/;

/** `name@version`, as `bom-ref` has it. */
const installed = new Set(
  Object.entries(lock.packages).flatMap(([folder, { name = FOLDER.exec(folder)?.[1], version, dev, link }]) =>
    name === undefined || dev || link || !existsSync(folder) ? [] : [`${name}@${version}`],
  ),
);

const npm = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
const said = execFileSync('npm', npm, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const bom = /** @type {Bom} */ (JSON.parse(said));
const itself = bom.metadata.component['bom-ref'];
/** @param {string} reference */
const isInstalled = (reference) => reference === itself || installed.has(reference);
/**
 * npm names a workspace after its folder.
 *
 * @param {Component} component
 */
const named = (component) => ({ ...component, name: component['bom-ref'].slice(0, -1 - component.version.length) });

const kept = {
  ...bom,
  metadata: { ...bom.metadata, component: named(bom.metadata.component) },
  components: bom.components.filter((component) => isInstalled(component['bom-ref'])).map(named),
  dependencies: bom.dependencies
    .filter(({ ref }) => isInstalled(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn?.filter(isInstalled) })),
};
process.stdout.write(`${JSON.stringify(kept, undefined, 2)}\n`);
