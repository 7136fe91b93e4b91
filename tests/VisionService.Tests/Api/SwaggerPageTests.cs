using Microsoft.Playwright;

namespace VisionService.Tests.Api;

/// <summary>The page as a person uses it, in a real browser.</summary>
public class SwaggerPageTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private static readonly string[] BrowserNames = ["chromium", "chromium-browser", "google-chrome"];

    [Fact]
    public async Task An_image_uploaded_in_the_form_is_answered_in_the_page()
    {
        var chromium = Chromium();
        Assert.SkipUnless(chromium is not null, "No Chromium is installed.");
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        });
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1200, Height = 1600 } });
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.Ordinal))
            {
                errors.Add(message.Text);
            }
        };
        await page.GotoAsync(new Uri(fixture.Service.Address, "/swagger/index.html").ToString());

        var operation = page.Locator(".opblock-post", new() { HasText = "/classify" });
        await operation.Locator(".opblock-summary").ClickAsync();
        await operation.Locator("input[type=file]").First.SetInputFilesAsync(
            new FilePayload { Name = "red.png", MimeType = "image/png", Buffer = Photos.Red });
        await operation.GetByRole(AriaRole.Button, new() { Name = "Execute" }).ClickAsync();

        var answer = operation.Locator(".live-responses-table");
        await answer.WaitForAsync();
        Assert.Contains("\"label\": \"red\"", await answer.InnerTextAsync());
        Assert.Empty(errors);
        if (Environment.GetEnvironmentVariable("SWAGGER_SCREENSHOT") is { } path)
        {
            await page.ScreenshotAsync(new() { Path = path, FullPage = true });
        }
    }

    private static string? Chromium() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => BrowserNames.Select(name => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);
}
