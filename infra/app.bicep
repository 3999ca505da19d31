metadata description = 'The function app on Flex Consumption, with every setting that it reads. No setting is a secret.'

@description('Name of the app.')
param name string
@description('Name of the plan.')
param planName string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Resource id of the identity.')
param identityId string
@description('Client id of the identity.')
param identityClientId string
@description('Name of the storage account.')
param storageName string
@description('Container with the package.')
param packageContainerUrl string
@description('Address of the scheduler; empty when the back end is Azure Storage.')
param schedulerEndpoint string
@description('Subnet that the app is integrated with; empty for none.')
param subnetId string
@description('Memory of one instance in MB.')
param instanceMemory int
@description('Most instances at once.')
param maximumInstances int
@description('Instances that always run and answer requests.')
param alwaysReadyHttp int
@description('Instances that always run and do steps.')
param alwaysReadyDurable int
@description('Address of Application Insights.')
param insightsConnectionString string
@description('Host of the Service Bus.')
param busHost string
@description('Queue whose messages start runs.')
param queueName string
@description('Topic of events.')
param topicName string
@description('Vault for kubeconfigs.')
param mainVaultUri string
@description('Vault for secrets of one run.')
param temporaryVaultUri string
@description('Application id of the API.')
param apiClientId string
@description('Hosts that charts may come from.')
param registries string
@description('Limits of requests to Azure; empty for the documented ones.')
param armLimits string
@description('Days after which finished runs are removed.')
param retentionDays string

// One Helm call takes a process of about 100 MB beside the host and the app.
var helmWorkers = instanceMemory >= 4096 ? '4' : '2'
var requestsAtOnce = 16
var stepThreads = '12'
var alwaysReady = concat(
  alwaysReadyHttp > 0 ? [{ name: 'http', instanceCount: alwaysReadyHttp }] : [],
  alwaysReadyDurable > 0 ? [{ name: 'durable', instanceCount: alwaysReadyDurable }] : []
)
var ofScheduler = empty(schedulerEndpoint)
  ? {}
  : {
      DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity;ClientID=${identityClientId}'
    }

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemory
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReady
        triggers: {
          // For Python the default is 1: every further simultaneous request would start an instance.
          http: {
            perInstanceConcurrency: requestsAtOnce
          }
        }
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    {
      AzureWebJobsStorage__accountName: storageName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      ServiceBusConnection__fullyQualifiedNamespace: busHost
      ServiceBusConnection__credential: 'managedidentity'
      ServiceBusConnection__clientId: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      AZURE_CLIENT_ID: identityClientId
      ARCWAY_ARM_ENDPOINT: environment().resourceManager
      ARCWAY_AUTHORITY: environment().authentication.loginEndpoint
      ARCWAY_TENANT_ID: tenant().tenantId
      ARCWAY_CLIENT_ID: apiClientId
      ARCWAY_CLIENT_SECRET_NAME: 'arcway-page-client'
      ARCWAY_SESSION_KEYS_NAME: 'arcway-page-session'
      // The first one is where the page writes.
      ARCWAY_VAULTS: '${temporaryVaultUri},${mainVaultUri}'
      ARCWAY_REGISTRIES: registries
      ARCWAY_ARM_LIMITS: armLimits
      ARCWAY_INSTALLATION: name
      ARCWAY_EVENTS_TOPIC: topicName
      ONBOARDING_QUEUE: queueName
      ARCWAY_HELM_WORKERS: helmWorkers
      ARCWAY_STEP_THREADS: stepThreads
      ARCWAY_RETENTION_DAYS: retentionDays
    },
    ofScheduler
  )
}

resource remoteControl 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource fileTransfer 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

@description('Name.')
output name string = app.name
@description('Address.')
output uri string = 'https://${app.properties.defaultHostName}'
