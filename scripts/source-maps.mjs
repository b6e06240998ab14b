/**
 * `node --import ./scripts/source-maps.mjs …`: stacks name our TypeScript. `--enable-source-maps` would also read the maps of
 * all packages and keep them, 10 MB in each process, for lines that nobody looks up.
 */
import { setSourceMapsSupport } from 'node:module';

setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
