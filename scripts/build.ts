/** Makes `dist/`: what the package ships. Removed first, so that nothing of an earlier build is packed. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'src/tsconfig.build.json'], { stdio: 'inherit' });
