metadata description = 'Where logs, traces and metrics go. No local keys: the app signs in with its identity.'

@description('Name of the workspace.')
param workspaceName string
@description('Name of Application Insights.')
param insightsName string
@description('Region.')
param location string
@description('Tags.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 30
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id
@description('Resource id of Application Insights.')
output insightsId string = insights.id
@description('Name of Application Insights.')
output insightsName string = insights.name
@description('Address of Application Insights; not a secret, because local keys are off.')
output insightsConnectionString string = insights.properties.ConnectionString
