// Opens an ONNX file with Netron's own reader and prints its nodes and initialisers as JSON.
// usage: node read.mjs NETRON_FOLDER MODEL.onnx
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`).href);
const base = await load('base.js');
const view = await load('view.js');
const data = new Uint8Array(await readFile(file));
const host = {
    environment: () => null,
    exception: (error) => { throw error; },
    event: () => {},
    require: (id) => load(`${id.replace('./', '')}.js`),
    asset: async (name) => readFile(`${folder}/${name}`, 'utf-8'),
};
const source = {
    identifier: basename(file),
    stream: new base.BinaryStream(data),
    asset: async (name) => readFile(`${folder}/${name}`, 'utf-8'),
    fetch: async (name) => { throw new Error(`asked for ${name}`); },
    require: (id) => load(`${id.replace('./', '')}.js`),
    error: (error) => { throw error; },
    metadata: () => {},
};
const service = new view.ModelFactoryService(host);
const model = await service.open(source);
const graph = model.modules[0];
const values = new Map();
for (const node of graph.nodes) {
    for (const argument of node.inputs) {
        for (const value of argument.value) {
            if (value && value.initializer) {
                values.set(value.name, value.type ? value.type.toString() : '');
            }
        }
    }
}
console.log(JSON.stringify({
    format: model.format,
    nodes: graph.nodes.map((node) => ({ name: node.name, type: node.type.name })),
    initialisers: Object.fromEntries(values),
    inputs: graph.inputs.map((argument) => argument.name),
    outputs: graph.outputs.map((argument) => argument.name),
}));
