using BenchmarkDotNet.Running;
using VisionService.Benchmarks.Imaging;
using VisionService.Benchmarks.Load;

if (args is ["load", .. var options])
{
    return await LoadCommand.RunAsync(options);
}

BenchmarkSwitcher.FromAssembly(typeof(DecodeBenchmarks).Assembly).Run(args);
return 0;
