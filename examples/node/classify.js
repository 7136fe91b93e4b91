// Sends a photo to VisionService and prints what is in it:
//
//   npm ci
//   node classify.js cat.jpg [localhost:8081]
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [file, address = 'localhost:8081'] = process.argv.slice(2);
if (!file) {
  console.error('usage: node classify.js PHOTO [HOST:PORT]');
  process.exit(2);
}

// The protocol is read at run time: nothing is generated.
const protos = path.join(__dirname, '..', '..', 'protos');
const { vision } = grpc.loadPackageDefinition(
  protoLoader.loadSync('vision/v1/vision.proto', { includeDirs: [protos], keepCase: true }));

const client = new vision.v1.Vision(address, grpc.credentials.createInsecure());
const request = { image: { encoded: fs.readFileSync(file) }, top_k: 3 };
client.classify(request, { deadline: Date.now() + 10_000 }, (error, answer) => {
  client.close();
  if (error) {
    console.error(`${grpc.status[error.code]}: ${error.details}`);
    process.exitCode = 1;
    return;
  }
  for (const { label, score } of answer.predictions) {
    console.log(`${label} ${score.toFixed(3)}`);
  }
});
