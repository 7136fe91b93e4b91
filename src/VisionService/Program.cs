using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using VisionService.Api;
using VisionService.Api.Access;
using VisionService.Api.Grpc;
using VisionService.Api.Http;
using VisionService.Api.OpenInference;
using VisionService.Api.Urls;
using VisionService.Commands;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Observability;
using VisionService.Repository;
using static VisionService.OptionSection;

namespace VisionService;

internal static class Program
{
    private const int UsageError = 2;

    public static async Task<int> Main(string[] args)
    {
        var commandLine = CommandLine.Parse(args);
        if (commandLine.WantsHelp)
        {
            await Console.Out.WriteLineAsync(CommandLine.Help);
            return 0;
        }

        if (commandLine.Problem is not null)
        {
            await Console.Error.WriteLineAsync(commandLine.Problem);
            return UsageError;
        }

        try
        {
            if (commandLine.Command == CommandLine.TryLoad)
            {
                return TryLoads(commandLine);
            }

            if (commandLine.Command == CommandLine.Health)
            {
                return await CheckHealthAsync(commandLine);
            }

            if (commandLine.Command == CommandLine.CreateKey)
            {
                return await CreateKeyAsync(commandLine);
            }

            await using var app = Build(commandLine);

            // Before the host starts, so that a wrong setting is one line and not the trace of a failed start.
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            app.Services.GetRequiredService<ModelCatalog>();
            if (Command(commandLine.Command, app.Services) is { } command)
            {
                return await command(Console.Out, Console.Error, app.Lifetime.ApplicationStopping);
            }

            await app.RunAsync();
            return 0;
        }
        catch (Exception exception) when (IsMisconfiguration(exception))
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return UsageError;
        }
    }

    /// <summary>The service, ready to run; tests build it with their own command line.</summary>
    public static WebApplication Build(CommandLine commandLine)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddInMemoryCollection(commandLine.Settings);

        // Main says in one line what the host would log as a stack trace when it cannot start.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);

        builder.AddObservability();

        var services = builder.Services;
        AddLoader(builder);
        AddOptions<ApiOptions>(builder, "Api");
        services.AddOptions<ApiOptions>().Validate(
            static api => api.Address is null || IPAddress.TryParse(api.Address, out _),
            "Api:Address must be an IP address, such as 127.0.0.1.");
        builder.AddAccess();
        AddOptions<ImagingOptions>(builder, "Imaging");
        AddOptions<EvaluateOptions>(builder, "Evaluate");
        services.PostConfigure<RepositoryOptions>(static options => options.UseShippedModels());

        services.AddSingleton(static provider => new ImageDecoder(provider.GetRequiredService<IOptions<ImagingOptions>>().Value));
        services.AddSingleton<TrialLoads>();
        services.AddSingleton(static provider => new BoundedLoader(
            provider.GetRequiredService<ModelLoader>().Load,
            provider.GetRequiredService<TrialLoads>(),
            provider.GetRequiredService<IOptions<RepositoryOptions>>()));
        services.AddSingleton<GoldenSamples>();
        services.AddSingleton<ModelActivation>();
        services.AddSingleton<ModelCatalog>();
        services.AddHostedService(static provider => provider.GetRequiredService<ModelCatalog>());
        services.AddHostedService<FolderWatch>();
        services.AddSingleton<Drain>();
        services.AddHostedService(static provider => provider.GetRequiredService<Drain>());
        services.AddSingleton<BodyMemory>();
        services.AddSingleton<VisionPipeline>();
        services.AddSingleton<RemoteImages>();
        services.AddSingleton<EvaluationRun>();
        services.AddPageSecurity();
        services.AddVisionOpenApi();
        services.AddVisionGrpc();
        services.AddOpenInference();

        // Between the socket and the pool no queue of the transport's own: under overload its threads, each woken for
        // little, took a tenth of the throughput.
        services.AddSingleton<IMemoryPoolFactory<byte>, TransportBuffers>();
        builder.WebHost.UseSockets(static sockets => sockets.IOQueueCount = 0);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(static (_, kestrel) =>
        {
            var api = kestrel.ApplicationServices.GetRequiredService<IOptions<ApiOptions>>().Value;
            kestrel.AddServerHeader = false;
            var certificate = ServerCertificate.Load(
                api,
                kestrel.ApplicationServices.GetRequiredService<TimeProvider>(),
                kestrel.ApplicationServices.GetRequiredService<ILogger<ServerCertificate>>());
            Listen(api.HttpPort, static _ => { });
            Listen(api.GrpcPort, static listen => listen.Protocols = HttpProtocols.Http2);

            void Listen(int port, Action<ListenOptions> setProtocols)
            {
                void Configure(ListenOptions listen)
                {
                    setProtocols(listen);
                    certificate?.Use(listen);
                    listen.CloseSilent(api.Connections.HeaderTimeout);
                }

                if (api.Address is { } address)
                {
                    kestrel.Listen(IPAddress.Parse(address), port, Configure);
                }
                else
                {
                    kestrel.ListenAnyIP(port, Configure);
                }
            }

            ConnectionLimits.Apply(kestrel.Limits, api);
        });

        // Whatever is left when draining has taken its time gets a moment to be told so.
        services.AddOptions<HostOptions>().Configure<IOptions<ApiOptions>>(
            static (host, api) => host.ShutdownTimeout = api.Value.DrainTimeout + TimeSpan.FromSeconds(5));

        var app = builder.Build();
        app.UseRequestId();
        app.UseDrain();
        app.UsePageSecurity();
        app.UseMiddleware<ProblemsMiddleware>();
        app.UseAccess();
        app.UseMiddleware<MessageLimit>();
        app.UseVisionOpenApi();
        app.MapTask(ClassifyEndpoint.Create(), "Names what is in an image.");
        app.MapTask(DetectEndpoint.Create(), "Finds objects: boxes, labels and scores; or draws them.");
        app.MapTask(SegmentEndpoint.Create(), "Says which pixel belongs to what: masks of classes or of objects.");
        app.MapTask(ExplainEndpoint.Create(), "Shows where in an image the reason for an answer lies.");
        InventoryEndpoints.Map(app);
        app.MapMetrics()?.Needs(app.Services.GetRequiredService<IOptions<AccessOptions>>().Value.OpenMetrics ? Role.Anyone : Role.Infer);
        app.MapVisionGrpc();
        OpenInferenceEndpoints.Map(app);
        app.UseMiddleware<RequestBody>(); // inside whoever answers its refusals
        return app;
    }

    /// <summary>Loads models for another process of this program, which would not load them untried.</summary>
    private static int TryLoads(CommandLine commandLine)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(commandLine.Settings);
        AddLoader(builder);
        using var services = builder.Services.BuildServiceProvider();
        return TrialHost.Serve(
            services.GetRequiredService<ModelLoader>(),
            services.GetRequiredService<IOptions<RepositoryOptions>>().Value.LoadMemory);
    }

    /// <summary>Asks the service that runs with these settings, or that of a URL; starts nothing of it, as this is done every few
    /// seconds.</summary>
    private static async Task<int> CheckHealthAsync(CommandLine commandLine)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddJsonFile("appsettings.json", optional: true).AddEnvironmentVariables();
        builder.Configuration.AddInMemoryCollection(commandLine.Settings);
        AddOptions<ApiOptions>(builder, "Api");
        using var services = builder.Services.BuildServiceProvider();
        var api = services.GetRequiredService<IOptions<ApiOptions>>().Value;
        var check = builder.Configuration[CommandLine.HealthUrl] is { } text
            ? new HealthCheck(Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                ? url
                : throw new InvalidOperationException($"--url must be an http or https URL, not '{text}'."), null)
            : new HealthCheck(api.Local(), api.Certificate is { Length: > 0 } certificate ? certificate : null);
        return await check.RunAsync(Console.Out, Console.Error, default);
    }

    private static async Task<int> CreateKeyAsync(CommandLine commandLine)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(commandLine.Settings);
        AddOptions<CreateKeyOptions>(builder, "Key");
        using var services = builder.Services.BuildServiceProvider();
        var options = services.GetRequiredService<IOptions<CreateKeyOptions>>().Value;
        return await CreateKey.RunAsync(options, Console.Out, Console.Error);
    }

    /// <summary>What it takes to load a model.</summary>
    private static void AddLoader(IHostApplicationBuilder builder)
    {
        AddOptions<InferenceOptions>(builder, "Inference");
        AddOptions<RepositoryOptions>(builder, "Repository");
        AddOptions<ExplanationOptions>(builder, "Explanation");
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ExecutionProvider>();
        builder.Services.AddSingleton<ComputeDevices>();
        builder.Services.AddSingleton<SessionCache>();
        builder.Services.AddSingleton<ModelLoader>();
    }

    /// <summary>What to do instead of serving; null: serve.</summary>
    private static Func<TextWriter, TextWriter, CancellationToken, Task<int>>? Command(
        string name, IServiceProvider services) => name switch
        {
            CommandLine.EvaluateDetect => ActivatorUtilities.CreateInstance<EvaluateDetect>(services).RunAsync,
            CommandLine.EvaluateSegment => ActivatorUtilities.CreateInstance<EvaluateSegment>(services).RunAsync,
            CommandLine.Config => ActivatorUtilities.CreateInstance<ShowConfiguration>(services).RunAsync,
            CommandLine.Inspect => ActivatorUtilities.CreateInstance<Inspect>(services).RunAsync,
            _ => null,
        };

    private static bool IsMisconfiguration(Exception exception) =>
        exception is OptionsValidationException or ModelLoadException or VisionException or InvalidOperationException or IOException;
}
