"""Sends a photo to VisionService and prints what is in it:

    pip install grpcio grpcio-tools        # or: apt install python3-grpcio protobuf-compiler
    python classify.py cat.jpg [localhost:8081]
"""
import sys

import grpc

from vision_messages import load

if len(sys.argv) < 2:
    sys.exit("usage: python classify.py PHOTO [HOST:PORT]")
file, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "localhost:8081"

vision = load("vision/v1/vision.proto")
with open(file, "rb") as photo, grpc.insecure_channel(address) as channel:
    classify = channel.unary_unary(
        "/vision.v1.Vision/Classify",
        request_serializer=vision.ClassifyRequest.SerializeToString,
        response_deserializer=vision.ClassifyResponse.FromString,
    )
    request = vision.ClassifyRequest(image=vision.Image(encoded=photo.read()), top_k=3)
    try:
        answer = classify(request, timeout=10)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")

for prediction in answer.predictions:
    print(f"{prediction.label} {prediction.score:.3f}")
