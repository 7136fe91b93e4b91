using BenchmarkDotNet.Running;
using VisionService.Benchmarks.Imaging;

BenchmarkSwitcher.FromAssembly(typeof(DecodeBenchmarks).Assembly).Run(args);
