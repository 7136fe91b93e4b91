namespace VisionService.Tests;

public class CommandLineTests
{
    [Theory]
    [InlineData("--http-port 80", "Api:HttpPort=80")]
    [InlineData("--http-port=80 --provider=cpu", "Api:HttpPort=80 Inference:Provider=cpu")]
    [InlineData("--models a --models b", "Repository:Models:0=a Repository:Models:1=b")]
    [InlineData("--models=a=b", "Repository:Models:0=a=b")]
    [InlineData("--Imaging:MaxBytes 5", "Imaging:MaxBytes=5")]
    [InlineData("--logging:LogLevel:Default=Debug", "logging:LogLevel:Default=Debug")]
    [InlineData("--instances 1 --max-batch-size 2 --max-queue-size 3", "Inference:Instances=1 Inference:MaxBatchSize=2 Inference:MaxQueueSize=3")]
    [InlineData("--instances -1", "Inference:Instances=-1")] // a number; its range is checked with all the others
    public void Options_become_settings(string arguments, string settings) =>
        Assert.Equal(settings, string.Join(' ', Parse(arguments).Settings.Select(setting => $"{setting.Key}={setting.Value}")));

    [Theory]
    [InlineData("--http-prot 80", "Unknown option '--http-prot' (did you mean '--http-port'?); --help lists them.")]
    [InlineData("--Imagin:MaxBytes 80", "Unknown option '--Imagin:MaxBytes' (did you mean '--Imaging'?); --help lists them.")]
    [InlineData("photo.jpg", "Unknown command 'photo.jpg'; --help lists them.")]
    [InlineData("--http-port", "Option '--http-port' needs a value.")]
    [InlineData("--models --http-port 80", "Option '--models' needs a value.")]
    [InlineData("--http-port 80 --http-port 81", "Option '--http-port' is given more than once.")]
    [InlineData("--http-port 80 --Api:HttpPort 81", "Option '--Api:HttpPort' is given more than once.")]
    public void What_is_wrong_is_said(string arguments, string problem) => Assert.Equal(problem, Parse(arguments).Problem);

    [Theory]
    [InlineData("--help")]
    [InlineData("--http-port 80 -h")]
    public void Help_wins(string arguments) => Assert.True(Parse(arguments).WantsHelp);

    private static CommandLine Parse(string arguments) => CommandLine.Parse(arguments.Split(' '));
}
