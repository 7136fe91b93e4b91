using System.Globalization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace VisionService.Api.Access;

internal static class AccessSetup
{
    public static void AddAccess(this IHostApplicationBuilder builder)
    {
        OptionSection.AddOptions<AccessOptions>(builder, "Access");
        builder.Services.AddSingleton<KeyRing>();
        builder.Services.AddOptions<SwaggerGenOptions>().Configure<KeyRing>(static (document, keys) =>
        {
            if (keys.IsInUse)
            {
                document.AddSecurityDefinition(KeySecurityFilter.Scheme, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
                document.OperationFilter<KeySecurityFilter>();
            }
        });
    }

    /// <summary>Asks for keys from here on; reads them now, so that a wrong one is told before the service starts.</summary>
    public static void UseAccess(this WebApplication app)
    {
        app.Services.GetRequiredService<KeyRing>();
        app.UseMiddleware<AccessControl>();
    }
}

/// <summary>Says in the OpenAPI document which operations take a key, and what is answered where it does not do.</summary>
internal sealed class KeySecurityFilter : IOperationFilter
{
    public const string Scheme = "key";

    private static readonly VisionError[] Refusals = [VisionError.Unauthenticated, VisionError.Forbidden, VisionError.RateLimited];

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (NeededRole.Of(new(context.ApiDescription.ActionDescriptor.EndpointMetadata)) == Role.Anyone)
        {
            return;
        }

        operation.Security = [new() { [new OpenApiSecuritySchemeReference(Scheme, context.Document)] = [] }];
        foreach (var kind in Refusals.Select(ProblemKind.Of))
        {
            operation.Responses?.TryAdd(
                kind.HttpStatus.ToString(CultureInfo.InvariantCulture), new OpenApiResponse { Description = kind.Title });
        }
    }
}
