# The function app as a container, for Kubernetes and wherever else containers run: docs/self-hosted.md.
# Build the package first, on any system: scripts/package --back-end mssql
FROM mcr.microsoft.com/azure-functions/python:4-python3.13

# A port that a process without privileges may listen on.
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true \
    FUNCTIONS_WORKER_RUNTIME=python \
    ASPNETCORE_URLS=http://+:8080

COPY .package/app/ /home/site/wwwroot/

EXPOSE 8080
