"""What python3-grpcio makes of the server: prints one line of JSON for each scenario.

    python3 scenarios.py GRPC_ADDRESS PROTOS PHOTO      with examples/python on PYTHONPATH
"""
import json
import os
import queue
import sys

import grpc
from vision_messages import load

address, protos, photo = sys.argv[1:]
vision = load("vision/v1/vision.proto", protos)
health = load("health.proto", os.path.join(os.path.dirname(os.path.abspath(__file__)), "protos"))
channel = grpc.insecure_channel(address)
with open(photo, "rb") as file:
    red = vision.Image(encoded=file.read())


def method(name, answer, kind="unary_unary"):
    return getattr(channel, kind)(
        name, request_serializer=lambda message: message.SerializeToString(), response_deserializer=answer.FromString
    )


classify = method("/vision.v1.Vision/Classify", vision.ClassifyResponse)
explain = method("/vision.v1.Vision/Explain", vision.ExplainResponse)
stream = method("/vision.v1.Vision/Stream", vision.StreamResponse, "stream_stream")
check = method("/grpc.health.v1.Health/Check", health.HealthCheckResponse)


def pixels(width, height, color):
    return vision.Image(pixels=vision.Pixels(data=bytes(color) * (width * height), width=width, height=height))


def status(call, *arguments, **named):
    try:
        call(*arguments, **named)
        return "OK", ""
    except grpc.RpcError as error:
        return error.code().name, error.details()


def large():
    answer = classify(vision.ClassifyRequest(image=pixels(4000, 2500, (0, 255, 0)), model="colors"))
    return {"label": answer.predictions[0].label, "width": answer.image.width}


def too_large():
    code, details = status(classify, vision.ClassifyRequest(image=vision.Image(encoded=bytes(33 * 1024 * 1024))))
    return {"code": code, "details": details}


def concurrent():
    calls = [classify.future(vision.ClassifyRequest(image=red, model="colors", top_k=1)) for _ in range(100)]
    return {"labels": sorted({call.result().predictions[0].label for call in calls})}


def deadline():
    return {"code": status(classify, vision.ClassifyRequest(image=pixels(4, 4, (255,) * 3), model="slow"), timeout=0.3)[0]}


def cancel():
    call = classify.future(vision.ClassifyRequest(image=pixels(4, 4, (255,) * 3), model="slow"))
    call.cancel()
    return {"code": call.code().name, "next": status(classify, vision.ClassifyRequest(image=red, model="slow", top_k=1))[0]}


def compression():
    request = vision.ExplainRequest(image=pixels(1000, 1000, (7, 7, 7)), model="colors", method="occlusion")
    packed, plain = explain(request, compression=grpc.Compression.Gzip), explain(request)
    packed.ClearField("timings_ms")
    plain.ClearField("timings_ms")
    return {"same": packed == plain}


def metadata():
    sent = (("x-request-id", "frame-8"), ("shape-bin", bytes([0, 255, 128, 10])))
    _, call = classify.with_call(vision.ClassifyRequest(image=red, model="colors"), metadata=sent)
    try:
        classify(vision.ClassifyRequest(model="colors"), metadata=sent)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
    return {
        "id": dict(call.initial_metadata())["x-request-id"],
        "has_details": isinstance(trailers["grpc-status-details-bin"], bytes),
    }


def unknown():
    return {"codes": [status(method(name, vision.Image), red)[0] for name in ("/vision.v1.Vision/Guess", "/nobody.Here/Do")]}


def special_characters():
    code, details = status(classify, vision.ClassifyRequest(image=red, classes=["ä %41%\n\U0001F600"]))
    return {"code": code, "details": details}


def lockstep():
    frames = queue.Queue()
    answers = stream(iter(frames.get, None))
    seen = []
    for i in range(1, 6):
        frames.put(
            vision.StreamRequest(frame_id=i, classify=vision.ClassifyRequest(image=red, model="colors", top_k=1))
            if i == 1
            else vision.StreamRequest(frame_id=i, image=red)
        )
        answer = next(answers)
        seen.append([answer.frame_id, answer.dropped, answer.classify.predictions[0].label])
    frames.put(None)
    return {"answers": seen, "rest": len(list(answers)), "code": answers.code().name}


def watched():
    return {"status": check(health.HealthCheckRequest(service="colors")).status}


for scenario in (
    large, too_large, concurrent, deadline, cancel, compression, metadata, unknown, special_characters, lockstep, watched
):
    print(json.dumps({"name": scenario.__name__, **scenario()}), flush=True)
