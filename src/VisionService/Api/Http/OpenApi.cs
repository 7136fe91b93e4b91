using System.Net.Mime;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing.Constraints;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;
using VisionService.Api.Access;

namespace VisionService.Api.Http;

/// <summary>The OpenAPI document at <c>/swagger/v1/swagger.json</c> and its page at <c>/swagger</c>.</summary>
internal static class OpenApi
{
    public static void AddVisionOpenApi(this IServiceCollection services)
    {
        // The slim builder leaves out the regular expressions that the document's own route needs.
        services.Configure<RouteOptions>(static options => options.SetParameterPolicy<RegexInlineRouteConstraint>("regex"));
        services.AddEndpointsApiExplorer();
        services.ConfigureHttpJsonOptions(static options =>
        {
            options.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractsJson.Readable);
            options.SerializerOptions.PropertyNamingPolicy = System.Text.Json.JsonNamingPolicy.SnakeCaseLower;
        });
        services.AddSwaggerGen(static options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "VisionService",
                Version = "v1",
                Description = "Serves ONNX vision models. Errors are RFC 9457 problems; coordinates are pixels of the upright image.",
            });
            options.OperationFilter<TaskOperationFilter>();
        });
    }

    public static void UseVisionOpenApi(this IApplicationBuilder app)
    {
        app.UseSwagger();
        app.UseSwaggerUI(static options =>
        {
            options.DocumentTitle = "VisionService";
            options.EnableTryItOutByDefault();
            options.DisplayRequestDuration();
        });
    }

    /// <summary>Maps <c>POST /{task}</c> and describes it.</summary>
    public static void MapTask<TRequest, TResult, TResponse>(
        this IEndpointRouteBuilder routes, TaskEndpoint<TRequest, TResult, TResponse> endpoint, string summary) =>
        routes.MapPost($"/{endpoint.Call.Task}", (Delegate)endpoint.HandleAsync) // only delegates are described, request delegates not
            .Needs(Role.Infer)
            .WithSummary(summary)
            .WithTags("Vision")
            .Produces<TResponse>()
            .WithMetadata(new TaskDescription(endpoint.Call.Parameters, endpoint.Example));
}

/// <summary>What the OpenAPI document should say of a task's endpoint and cannot see.</summary>
/// <param name="Example">An answer, in JSON.</param>
internal sealed record TaskDescription(ParameterTable Parameters, string Example);

/// <summary>Adds the ways to send images, the parameters, an example answer and the problems to a task's
/// operation.</summary>
internal sealed class TaskOperationFilter : IOperationFilter
{
    private static readonly (int Status, string When)[] ProblemStatuses =
    [
        (400, "Malformed body, unknown parameter, or one out of range"),
        (404, "There is no such model"),
        (406, "Nothing on offer is acceptable"),
        (409, "The model has another task, or is still loading"),
        (413, "Too many bytes, pixels or images"),
        (415, "A body of another kind"),
        (422, "The image cannot be decoded"),
        (500, "The model failed on this input"),
        (503, "Overloaded; see Retry-After"),
        (504, "The answer came too late"),
    ];

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<TaskDescription>().FirstOrDefault() is not { } task)
        {
            return;
        }

        operation.Parameters = [.. task.Parameters.All.Select(Describe)];
        operation.RequestBody = Body(task.Parameters);
        if (operation.Responses?["200"].Content?[MediaTypeNames.Application.Json] is OpenApiMediaType ok)
        {
            ok.Example = JsonNode.Parse(task.Example);
        }

        foreach (var (status, when) in ProblemStatuses)
        {
            operation.Responses?.TryAdd($"{status}", new OpenApiResponse
            {
                Description = when,
                Content = new Dictionary<string, IOpenApiMediaType>
                {
                    [Problems.ContentType] = new OpenApiMediaType
                    {
                        Schema = context.SchemaGenerator.GenerateSchema(typeof(Problem), context.SchemaRepository),
                    },
                },
            });
        }
    }

    private static OpenApiParameter Describe(Parameter parameter) => new()
    {
        Name = parameter.Name,
        In = ParameterLocation.Query,
        Description = $"{parameter.Description} Range: {parameter.Range}. Default: {parameter.Default}.",
        Schema = Schema(parameter),
    };

    private static OpenApiSchema Schema(Parameter parameter) => new()
    {
        Type = parameter.Type switch
        {
            ParameterType.Integer => JsonSchemaType.Integer,
            ParameterType.Number => JsonSchemaType.Number,
            _ => JsonSchemaType.String,
        },
    };

    private static OpenApiRequestBody Body(ParameterTable parameters)
    {
        var binary = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" };
        var base64 = new OpenApiSchema { Type = JsonSchemaType.String, Description = "Base64, or a data: URI." };
        var url = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uri", Description = "Where the operator allows URLs." };

        // Not the parameters, which may be fields too: the page fills fields in unasked, and they stand in its query
        // anyway.
        var form = new Dictionary<string, IOpenApiSchema>
        {
            ["image"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = binary, Description = "One image or several." },
        };
        var json = new Dictionary<string, IOpenApiSchema>
        {
            ["image"] = base64,
            ["images"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = base64 },
            ["url"] = url,
            ["urls"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = url },
        };
        foreach (var parameter in parameters.All)
        {
            json[parameter.Name] = Schema(parameter);
        }

        return new OpenApiRequestBody
        {
            Required = true,
            Description = "The image itself, a form with one or many, or JSON. Form fields and JSON members are parameters, as in the query.",
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                [MediaTypeNames.Multipart.FormData] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Object, Properties = form },
                },
                ["image/*"] = new OpenApiMediaType { Schema = binary },
                [MediaTypeNames.Application.Octet] = new OpenApiMediaType { Schema = binary },
                [MediaTypeNames.Application.Json] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Object, Properties = json },
                    Example = JsonNode.Parse("""{"image": "<base64>", "top_k": 3}"""),
                },
            },
        };
    }
}
