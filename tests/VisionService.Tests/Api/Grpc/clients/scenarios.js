// What @grpc/grpc-js makes of the server: prints one line of JSON for each scenario. NODE_PATH points to the packages.
//
//   node scenarios.js GRPC_ADDRESS REST_ADDRESS PROTOS PHOTO
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [address, rest, protos, file] = process.argv.slice(2);
const load = (name, folder) => grpc.loadPackageDefinition(
  protoLoader.loadSync(name, { includeDirs: [folder], keepCase: true, enums: String, longs: Number, defaults: true }));
const { vision } = load('vision/v1/vision.proto', protos);
const own = path.join(__dirname, 'protos');
const { Health } = load('health.proto', own).grpc.health.v1;

const credentials = grpc.credentials.createInsecure();
const red = { encoded: fs.readFileSync(file) };
const client = new vision.v1.Vision(address, credentials);
const health = new Health(address, credentials);
const print = (name, result) => console.log(JSON.stringify({ name, ...result }));

// The answer to a unary call, or its status, with everything around it.
const call = (method, request, options = {}, metadata = new grpc.Metadata(), target = client) => new Promise((resolve) => {
  let headers = {};
  target[method](request, metadata, options, (error, answer) => resolve(error
    ? { code: error.code, details: error.details, headers, trailers: error.metadata.getMap() }
    : { code: 0, answer, headers }))
    .on('metadata', (received) => { headers = received.getMap(); });
});

const white = (model, more) => ({ image: { pixels: { data: Buffer.alloc(48, 255), width: 4, height: 4 } }, model, ...more });
const labels = ({ answer }) => answer.predictions.map((prediction) => prediction.label).join();
const finished = (stream, answers) => new Promise((resolve) => {
  stream.on('data', (message) => answers.push(message));
  stream.on('error', () => {});
  stream.on('status', ({ code, details }) => resolve({ code, details }));
});
const brief = (message) => ({
  id: message.frame_id,
  dropped: message.dropped,
  what: message.problem ? message.problem.reason : message.classify.predictions[0].label,
});

const scenarios = {
  async large() {
    const pixels = { data: Buffer.alloc(30_000_000), width: 4000, height: 2500, format: 'RGB' };
    for (let i = 0; i < pixels.data.length; i += 3) pixels.data[i] = 255;
    const result = await call('classify', { image: { pixels }, model: 'colors' });
    return { code: result.code, label: labels(result).split(',')[0], size: result.answer.image };
  },

  async tooLarge() {
    const { code, details } = await call('classify', { image: { encoded: Buffer.alloc(33 * 1024 * 1024) } });
    return { code, details, next: (await call('classify', { image: red, model: 'colors' })).code };
  },

  async concurrent() {
    const results = await Promise.all(Array.from({ length: 100 }, () => call('classify', { image: red, model: 'colors', top_k: 1 })));
    return { codes: [...new Set(results.map((result) => result.code))], labels: [...new Set(results.map(labels))] };
  },

  async deadline() {
    const { code } = await call('classify', white('slow'), { deadline: Date.now() + 300 });
    return { code };
  },

  async cancel() {
    const calls = [];
    const ends = Promise.all(Array.from({ length: 5 }, () => new Promise((resolve) => {
      calls.push(client.classify(white('slow'), (error) => resolve(error.code)));
    })));
    const length = async () => (await (await fetch(`${rest}models/slow`)).json()).batching.queue_length;
    while (await length() < 4);
    calls.forEach((one) => one.cancel());
    while (await length() > 0);
    const black = { image: { pixels: { data: Buffer.alloc(48), width: 4, height: 4 } }, model: 'slow' };
    return { codes: await ends, next: (await call('classify', black)).code };
  },

  async compression() {
    const gzip = new vision.v1.Vision(address, credentials, { 'grpc.default_compression_algorithm': 2 });
    const request = { image: { pixels: { data: Buffer.alloc(3_000_000, 7), width: 1000, height: 1000 } }, model: 'colors', method: 'occlusion' };
    const [packed, plain] = [
      await call('explain', request, {}, new grpc.Metadata(), gzip), await call('explain', request)];
    delete packed.answer.timings_ms;
    delete plain.answer.timings_ms;
    gzip.close();
    return { code: packed.code, same: JSON.stringify(packed.answer) === JSON.stringify(plain.answer) };
  },

  async metadata() {
    const metadata = new grpc.Metadata();
    metadata.set('x-request-id', 'frame-7');
    metadata.set('shape-bin', Buffer.from([0, 255, 128, 10]));
    const good = await call('classify', { image: red, model: 'colors' }, {}, metadata);
    const bad = await call('classify', { model: 'colors' }, {}, metadata);
    return {
      codes: [good.code, bad.code],
      ids: [good.headers['x-request-id'], (bad.headers['x-request-id'] ?? bad.trailers['x-request-id'])],
      hasDetails: Buffer.isBuffer(bad.trailers['grpc-status-details-bin']),
    };
  },

  async unknown() {
    const ask = (method) => new Promise((resolve) => {
      client.makeUnaryRequest(method, (value) => value, (bytes) => bytes, Buffer.alloc(0), (error) => resolve(error.code));
    });
    return { codes: [await ask('/vision.v1.Vision/Guess'), await ask('/nobody.Here/Classify')] };
  },

  async specialCharacters() {
    const { code, details } = await call('classify', { image: red, classes: ['ä %41%\n\u{1F600}'] });
    return { code, details };
  },

  async lockstep() {
    const stream = client.stream();
    const answers = [];
    const end = new Promise((resolve) => stream.on('status', ({ code }) => resolve(code)));
    stream.on('error', () => {});
    const next = () => new Promise((resolve) => stream.once('data', resolve));
    const frames = [
      { frame_id: 1, classify: { image: red, model: 'colors', top_k: 1 } },
      { frame_id: 2, image: { encoded: Buffer.from('no picture') } },
      { frame_id: 3, image: white().image },
      { frame_id: 4, classify: { image: red, model: 'colors', top_k: 0 } },
      { frame_id: 5, classify: { image: red, model: 'colors', classes: ['blue'] } },
      { frame_id: 6, image: red },
    ];
    for (const frame of frames) {
      const answer = next();
      stream.write(frame);
      answers.push(brief(await answer));
    }
    stream.end();
    return { answers, code: await end };
  },

  async burst() {
    const stream = client.stream();
    const answers = [];
    const end = finished(stream, answers);
    stream.write({ frame_id: 1, classify: { image: red, model: 'colors' } });
    for (let id = 2; id <= 200; id++) stream.write({ frame_id: id, image: red });
    stream.end();
    return { code: (await end).code, answers: answers.map(brief) };
  },

  async withoutTask() {
    const stream = client.stream();
    const end = finished(stream, []);
    stream.end({ frame_id: 1, image: red });
    return end;
  },

  async withoutFrames() {
    const stream = client.stream();
    const answers = [];
    const end = finished(stream, answers);
    stream.end();
    return { ...await end, answers: answers.length };
  },

  async health() {
    const check = async (service) => {
      const { code, answer } = await call('check', { service }, {}, new grpc.Metadata(), health);
      return code === 0 ? answer.status : grpc.status[code];
    };
    const names = ['', 'vision.v1.Vision', 'grpc.health.v1.Health', 'colors', 'broken', 'nobody'];
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name || 'server', await check(name)])));
  },

  async reflection() {
    const list = (version) => new Promise((resolve, reject) => {
      const { ServerReflection } = load(`reflection_${version}.proto`, own).grpc.reflection[version];
      const stream = new ServerReflection(address, credentials).ServerReflectionInfo();
      stream.on('error', reject);
      stream.on('data', (answer) => resolve(answer.list_services_response.service.map(({ name }) => name)));
      stream.end({ list_services: '*' });
    });
    return { v1: await list('v1'), v1alpha: await list('v1alpha') };
  },

  async shutdown() {
    const { ServerReflection } = load('reflection_v1.proto', own).grpc.reflection.v1;
    const open = { stream: client.stream(), reflection: new ServerReflection(address, credentials).ServerReflectionInfo() };
    const messages = { stream: [], reflection: [], watch: [], nobody: [] };
    const ends = {};
    const begun = [];
    for (const [name, service] of [['watch', 'colors'], ['nobody', 'nobody']]) open[name] = health.watch({ service });
    for (const [name, stream] of Object.entries(open)) {
      begun.push(new Promise((resolve) => stream.once('data', resolve)));
      ends[name] = finished(stream, messages[name]);
    }
    open.stream.write({ frame_id: 1, classify: { image: red, model: 'colors' } });
    open.reflection.write({ list_services: '*' });
    await Promise.all(begun);
    print('stop', {});
    const codes = {};
    for (const name of Object.keys(open)) codes[name] = await ends[name];
    return { ...codes, watched: messages.watch.map(({ status }) => status), unknown: messages.nobody.map(({ status }) => status) };
  },
};

(async () => {
  for (const [name, run] of Object.entries(scenarios)) print(name, await run());
  client.close();
  health.close();
})();
