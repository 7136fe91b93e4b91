Console.WriteLine(Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString());
Console.WriteLine(typeof(SixLabors.ImageSharp.Image).Assembly);
