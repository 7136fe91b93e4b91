using System.Buffers;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;
using VisionService.Api.OpenInference.V2;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

/// <summary>The Open Inference Protocol v2 over gRPC: the functions that REST has, under the protocol's messages.</summary>
internal sealed class OpenInferenceService(TensorPipeline pipeline, ModelCatalog catalog, IOptions<ApiOptions> options)
    : GRPCInferenceService.GRPCInferenceServiceBase
{
    [Needs(Role.Anyone)]
    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerLiveResponse { Live = true });

    [Needs(Role.Anyone)]
    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerReadyResponse { Ready = catalog.IsReady });

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) => AnswerAsync(() =>
        Task.FromResult(new ModelReadyResponse { Ready = catalog.Find(Reference(request.Name, request.Version)).CanAnswer }));

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context)
    {
        var own = OpenInference.ServerMetadata.Own;
        return Task.FromResult(new ServerMetadataResponse { Name = own.Name, Version = own.Version, Extensions = { own.Extensions } });
    }

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var model = await OpenInference.ModelMetadata.OfAsync(
            catalog, Reference(request.Name, request.Version), options.Value.Timeout, context.CancellationToken);
        return new ModelMetadataResponse
        {
            Name = model.Name,
            Versions = { model.Versions },
            Platform = model.Platform,
            Inputs = { model.Inputs.Select(Tensor) },
            Outputs = { model.Outputs.Select(Tensor) },
        };
    });

    public override Task<ModelInferResponse> ModelInfer(ModelInferRequest request, ServerCallContext context) =>
        AnswerAsync(() => InferAsync(request, context));

    public override async Task ModelStreamInfer(
        IAsyncStreamReader<ModelInferRequest> requestStream, IServerStreamWriter<ModelStreamInferResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var request = requestStream.Current;
            ModelStreamInferResponse response;
            try
            {
                if (Caller.RefusalOf(context.GetHttpContext(), images: 1, further: false) is { } refusal)
                {
                    throw refusal;
                }

                response = new ModelStreamInferResponse { InferResponse = await InferAsync(request, context) };
            }
            catch (VisionException exception)
            {
                response = new ModelStreamInferResponse
                {
                    ErrorMessage = exception.Message,
                    InferResponse = new ModelInferResponse { ModelName = request.ModelName, Id = request.Id },
                };
            }

            await responseStream.WriteAsync(response, context.CancellationToken);
        }
    }

    public override Task<RepositoryIndexResponse> RepositoryIndex(RepositoryIndexRequest request, ServerCallContext context) =>
        Task.FromResult(new RepositoryIndexResponse
        {
            Models =
            {
                RepositoryModel.Index(catalog, request.Ready).Select(static model => new RepositoryIndexResponse.Types.ModelIndex
                {
                    Name = model.Name,
                    Version = model.Version,
                    State = model.State,
                    Reason = model.Reason,
                }),
            },
        });

    [Needs(Role.Admin)]
    public override Task<RepositoryModelLoadResponse> RepositoryModelLoad(RepositoryModelLoadRequest request, ServerCallContext context) =>
        AnswerAsync(async () =>
        {
            await catalog.LoadAsync(request.ModelName);
            return new RepositoryModelLoadResponse();
        });

    [Needs(Role.Admin)]
    public override Task<RepositoryModelUnloadResponse> RepositoryModelUnload(RepositoryModelUnloadRequest request, ServerCallContext context) =>
        AnswerAsync(async () =>
        {
            await catalog.UnloadAsync(request.ModelName);
            return new RepositoryModelUnloadResponse();
        });

    private static async Task<T> AnswerAsync<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer();
        }
        catch (VisionException exception)
        {
            throw new RpcException(new Status(ProblemKind.Of(exception.Error).GrpcStatus, exception.Message));
        }
    }

    private static string Reference(string name, string version) => version.Length == 0 ? name : $"{name}:{version}";

    private static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorMetadata tensor) =>
        new() { Name = tensor.Name, Datatype = tensor.Datatype, Shape = { tensor.Shape } };

    private static InferRequest Read(ModelInferRequest request)
    {
        var isRaw = request.RawInputContents.Count > 0;
        if (isRaw && request.RawInputContents.Count != request.Inputs.Count)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"The request has {request.Inputs.Count} inputs and {request.RawInputContents.Count} raw_input_contents.");
        }

        return new InferRequest(
            Reference(request.ModelName, request.ModelVersion),
            request.Id,
            Parameters(request.Parameters),
            [.. request.Inputs.Select((input, i) => Read(input, isRaw ? request.RawInputContents[i] : null))],
            [.. request.Outputs.Select(static output => new RequestedOutput(output.Name, Parameters(output.Parameters)))]);
    }

    private static InferInput Read(ModelInferRequest.Types.InferInputTensor input, ByteString? raw)
    {
        var datatype = Datatypes.Parse(input.Name, input.Datatype);
        var parameters = Parameters(input.Parameters);
        if (raw is null)
        {
            return new ContentsInput(input.Name, datatype, [.. input.Shape], parameters, input.Contents ?? new InferTensorContents());
        }

        return input.Contents is null
            ? new RawInput(input.Name, datatype, [.. input.Shape], parameters, raw.Memory)
            : throw new VisionException(
                VisionError.InvalidRequest, $"Input '{input.Name}' has contents, and the request has raw_input_contents: one of them may be.");
    }

    private static InferParameters Parameters(MapField<string, InferParameter> map)
    {
        var parameters = new InferParameters();
        foreach (var (name, value) in map)
        {
            var text = value.ParameterChoiceCase switch
            {
                InferParameter.ParameterChoiceOneofCase.BoolParam => value.BoolParam ? "true" : "false",
                InferParameter.ParameterChoiceOneofCase.Int64Param => value.Int64Param.ToString(CultureInfo.InvariantCulture),
                InferParameter.ParameterChoiceOneofCase.StringParam => value.StringParam,
                InferParameter.ParameterChoiceOneofCase.DoubleParam => value.DoubleParam.ToString(CultureInfo.InvariantCulture),
                InferParameter.ParameterChoiceOneofCase.Uint64Param => value.Uint64Param.ToString(CultureInfo.InvariantCulture),
                _ => null,
            };
            if (text is not null)
            {
                parameters.Set(name, text);
            }
        }

        return parameters;
    }

    /// <summary>Raw to who sends raw, typed to who sends typed, as far as the types allow.</summary>
    private static ModelInferResponse Write(InferAnswer answer, bool isRaw)
    {
        var response = new ModelInferResponse { ModelName = answer.Model.Name, ModelVersion = answer.Model.Version, Id = answer.Id };
        isRaw |= answer.Outputs.Any(static output => output.Datatype is Datatype.FP16 or Datatype.BF16);
        foreach (var output in answer.Outputs)
        {
            response.Outputs.Add(new ModelInferResponse.Types.InferOutputTensor
            {
                Name = output.Name,
                Datatype = output.Datatype.ToString(),
                Shape = { output.Shape },
                Contents = isRaw ? null : ContentsInput.Of(output),
            });
            if (isRaw)
            {
                var bytes = new ArrayBufferWriter<byte>(Math.Max(1, (int)InferResponseWriter.BinaryLength(output)));
                InferResponseWriter.WriteBinary(bytes, output);
                response.RawOutputContents.Add(UnsafeByteOperations.UnsafeWrap(bytes.WrittenMemory));
            }
        }

        return response;
    }

    private async Task<ModelInferResponse> InferAsync(ModelInferRequest request, ServerCallContext context)
    {
        using var answer = await pipeline.RunAsync(
            Read(request) with { Caller = Caller.IdentityOf(context.GetHttpContext()) }, context.CancellationToken);
        return Write(answer, request.RawInputContents.Count > 0);
    }
}
