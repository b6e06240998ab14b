import { frontedApps } from './app-paths.js';
import { nginxFile } from './nginx-file.js';

/** `npm run nginx` prints the file that stands in deploy/nginx. */
process.stdout.write(nginxFile(frontedApps, { listen: '127.0.0.1:8080' }));
