using System.Text.RegularExpressions;

namespace VisionService.Tests;

/// <summary>The arrows between the folders of the service, one way, read off the <c>using</c> lines (see DESIGN.md).</summary>
public partial class DependencyTests
{
    private static readonly string[] Tasks = ["Classification", "Detection", "Segmentation", "Explanation"];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Program.cs"] = ["Api", "Commands", "Observability", "Repository", "Inference", "Imaging", .. Tasks],
        ["Observability"] = [],
        ["Commands"] = ["Repository", "Inference", "Imaging", .. Tasks],
        ["Api"] = ["Repository", "Inference", "Imaging", .. Tasks],
        ["Repository"] = ["Inference", "Imaging", "OnnxGraph", "Microsoft.ML.OnnxRuntime", .. Tasks],
        ["Inference"] = ["Microsoft.ML.OnnxRuntime"],
        ["Imaging"] = [],
        ["Classification"] = ["Inference", "Imaging"],
        ["Detection"] = ["Inference", "Imaging"],
        ["Segmentation"] = ["Inference", "Imaging"],
        ["Explanation"] = ["Inference", "Imaging", "OnnxGraph"],
    };

    [Fact]
    public void A_folder_uses_only_the_folders_that_the_design_lets_it()
    {
        var root = Path.Combine(Checkout.Root, "src", "VisionService");
        var files = Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        var wrong = from file in files
                    let path = Path.GetRelativePath(root, file)
                    let folder = path.Split('/')[0]
                    from Match use in Using().Matches(File.ReadAllText(file))
                    let used = use.Groups["name"].Value
                    where used != folder && !Allowed.GetValueOrDefault(folder, []).Contains(used)
                    select $"{path} uses {used}";
        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"^(global )?using (static )?(\w+ = )?(VisionService\.)?(?<name>Api|Commands|Observability|Repository|Inference|Imaging|Classification|Detection|Segmentation|Explanation|OnnxGraph|Microsoft\.ML\.OnnxRuntime)\b", RegexOptions.Multiline)]
    private static partial Regex Using();
}
