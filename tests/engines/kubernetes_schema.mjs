// Checks Jobs against the schema of Kubernetes: node kubernetes_schema.mjs NODE_MODULES good.json... --broken bad.json...
import { readFileSync } from "node:fs";

const [modules, ...names] = process.argv.slice(2);
const { Job } = await import(`${modules}/kubernetes-models/batch/v1/index.js`);

let expected_good = true;
let failed = false;
for (const name of names) {
    if (name === "--broken") {
        expected_good = false;
        continue;
    }
    let why = "";
    try {
        new Job(JSON.parse(readFileSync(name))).validate();
    } catch (error) {
        why = error.message;
    }
    console.log(`${name}: ${why === "" ? "valid" : why}`);
    failed ||= (why === "") !== expected_good;
}
process.exit(failed ? 1 : 0);
