// Checks every manifest that kustomize makes for the overlays, with every component, against Kubernetes, KEDA and the
// Prometheus operator: written out as TypeScript, the compiler finds unknown, missing and mistyped fields; run, it
// checks formats, ranges and patterns by the schemas of the API.
//
//   npm ci && node check.js        needs kubectl; prints a line for each overlay, and fails at the first mistake
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const here = dirname(fileURLToPath(import.meta.url));
const kubernetes = join(here, '../../deploy/kubernetes');

/** The package and path of the class for a manifest. */
function model({ apiVersion, kind }) {
  const path = `${apiVersion}/${kind}`;
  if (apiVersion.startsWith('keda.sh/')) return `@kubernetes-models/keda/${path}`;
  if (apiVersion.startsWith('monitoring.coreos.com/')) return `@kubernetes-models/prometheus-operator/${path}`;
  return `kubernetes-models/${path}`;
}

function check(name, manifests) {
  const source = manifests.map((manifest, i) => {
    const { apiVersion, kind, ...rest } = manifest;
    return `import { ${kind} as K${i} } from '${model(manifest)}';\nnew K${i}(${JSON.stringify(rest, null, 1)}).validate();\n`;
  });
  const folder = mkdtempSync(join(here, 'node_modules', '.check-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    writeFileSync(join(folder, 'check.ts'), source.join('\n'));
    const compiler = join(here, 'node_modules', 'typescript', 'bin', 'tsc');
    run(name, [compiler, '--module', 'nodenext', '--strict', '--skipLibCheck', join(folder, 'check.ts')]);
    run(name, [join(folder, 'check.js')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log(`${name}: ${manifests.length} manifests hold: ${manifests.map((manifest) => manifest.kind).join(', ')}`);
}

function run(name, command) {
  try {
    execFileSync(process.execPath, command, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    console.error(`${name}: ${error.stdout}${error.stderr}`);
    process.exit(1);
  }
}

/** What kubectl makes of a folder. */
function kustomize(folder) {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  return parseAllDocuments(text).map((document) => document.toJS());
}

for (const overlay of readdirSync(join(kubernetes, 'overlays'))) {
  check(overlay, kustomize(join(kubernetes, 'overlays', overlay)));
}

// Each component on the base, as an overlay would have it: in a folder of its own, gone afterwards.
for (const component of readdirSync(join(kubernetes, 'components'))) {
  const folder = mkdtempSync(join(kubernetes, 'overlays', '.check-'));
  try {
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      `kind: Kustomization\nresources: [../../base]\ncomponents: [../../components/${component}]\n`);
    check(component, kustomize(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
