using Microsoft.AspNetCore.Http.HttpResults;
using VisionService.Api.Access;
using VisionService.Explanation;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.Http;

/// <summary>What there is and how it is: models and health.</summary>
internal static class InventoryEndpoints
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var models = routes.MapGroup("").Needs(Role.Infer);
        models.MapGet("/models", (ModelCatalog catalog) => Json(new ModelList([.. catalog.Entries.Select(ModelSummary.Of)])))
            .WithSummary("All models, ready or not, with the reason where one is not.")
            .WithTags("Models")
            .Produces<ModelList>();
        models.MapGet("/models/{name}", (string name, ModelCatalog catalog) => Details(catalog, catalog.Find(name)))
            .WithSummary("One model: its versions, input, labels, batching, and why it was taken to be what it is.")
            .WithTags("Models")
            .Produces<ModelDetails>()
            .ProducesProblem(404);
        models.MapGet(
                "/models/{name}/layers",
                (string name, ModelCatalog catalog) =>
                {
                    var (entry, _) = catalog.Get<ExplainRequest, ExplainResult>("explain", name);
                    return Json(new LayerList([.. entry.Loaded!.Explainer!.Layers().Select(LayerDetails.Of)]));
                })
            .WithSummary("A model's layers with their shapes, in the order in which they are computed: what /explain can look at.")
            .WithTags("Models")
            .Produces<LayerList>()
            .ProducesProblem(404);
        MapChange(routes, "load", static (catalog, name) => catalog.LoadAsync(name), "Loads a model from what lies there now, new or anew");
        MapChange(routes, "reload", static (catalog, name) => catalog.LoadAsync(name), "The same as load");
        MapChange(routes, "unload", static (catalog, name) => catalog.UnloadAsync(name), "Takes a model out of service once its requests are answered");
        var health = routes.MapGroup("").Needs(Role.Anyone);
        health.MapGet("/livez", () => TypedResults.Text("live"))
            .WithSummary("200 while the process can answer at all.")
            .WithTags("Health");
        health.MapGet("/readyz", (ModelCatalog catalog, ExecutionProvider provider) => Report(catalog, provider, failUnready: true))
            .WithSummary("200 once the models of the start are loaded and at least one is ready, else 503.")
            .WithTags("Health")
            .Produces<Health>()
            .Produces<Health>(503);
        health.MapGet("/healthz", (ModelCatalog catalog, ExecutionProvider provider) => Report(catalog, provider, failUnready: false))
            .WithSummary("The same report as /readyz, always with 200.")
            .WithTags("Health")
            .Produces<Health>();
    }

    private static void MapChange(
        IEndpointRouteBuilder routes, string change, Func<ModelCatalog, string, Task<ModelEntry>> apply, string summary) =>
        routes.MapPost(
                $"/models/{{name}}/{change}",
                async (string name, ModelCatalog catalog) => Details(catalog, await apply(catalog, name)))
            .Needs(Role.Admin)
            .WithSummary($"{summary}; with an admin's key, or from the machine itself.")
            .WithTags("Models")
            .Produces<ModelDetails>()
            .ProducesProblem(400)
            .ProducesProblem(403)
            .ProducesProblem(404)
            .ProducesProblem(409);

    private static JsonHttpResult<ModelDetails> Details(ModelCatalog catalog, ModelEntry entry) =>
        Json(ModelDetails.Of(entry, catalog.Versions(entry.Name)));

    private static JsonHttpResult<ModelList> Json(ModelList list) =>
        TypedResults.Json(list, ContractsJson.Readable.ModelList);

    private static JsonHttpResult<LayerList> Json(LayerList list) =>
        TypedResults.Json(list, ContractsJson.Readable.LayerList);

    private static JsonHttpResult<ModelDetails> Json(ModelDetails details) =>
        TypedResults.Json(details, ContractsJson.Readable.ModelDetails);

    private static JsonHttpResult<Health> Report(ModelCatalog catalog, ExecutionProvider provider, bool failUnready)
    {
        var entries = catalog.Entries;
        var status = catalog.IsStopping ? "draining"
            : catalog.IsReady ? "ready"
            : catalog.HasStarted ? "unavailable" : "loading";
        return TypedResults.Json(
            new Health(status, provider.Name, [.. entries.Select(ModelSummary.Of)]),
            ContractsJson.Readable.Health,
            statusCode: failUnready && !catalog.IsReady ? 503 : 200);
    }
}
